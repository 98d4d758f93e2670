"""`exfilwatch serve`: actions and what is kept over HTTP, and polling, in one process."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, LogLevel, examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch tokens add analyst --scope read,act",
        "exfilwatch serve --poll-every 5m",
        "exfilwatch serve --host 0.0.0.0 --certificate tls.crt --key tls.key",
        "exfilwatch serve --openapi > openapi.json",
    )
    app.command("serve", epilog=shown)(serve)


def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Default: 8437; 0: any.")] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: the certificate, in PEM.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="TLS: its key, in PEM.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="mTLS: clients must show a certificate of one of these, in PEM.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen to other machines without TLS: something in front has it.")
    ] = False,
    poll_every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Poll the SIEMs of the settings so often: 30s, 5m, 1h.")
    ] = None,
    openapi: Annotated[bool, typer.Option("--openapi", help="Print the OpenAPI 3.1 document, and end.")] = False,
    openapi_30: Annotated[bool, typer.Option("--openapi-3.0", help="The same as OpenAPI 3.0.")] = False,
    log: Annotated[LogLevel, typer.Option("--log", help="What is logged to standard error.")] = LogLevel.WARNING,
    database: Database = None,
) -> None:
    """Serve actions, findings, incidents, cases, runs and rules over HTTP; see the page Service.

    Who asks needs a token (`exfilwatch tokens add`). Ends with SIGTERM, when what runs has ended or is parked.
    """
    from exfilwatch.config import settings
    from exfilwatch.errors import ConfigError

    if find_spec("fastapi") is None or find_spec("uvicorn") is None or find_spec("prometheus_client") is None:
        raise ConfigError("serve needs more than is installed: pip install 'exfilwatch[serve]'")
    from exfilwatch.polling.logs import configure
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.service.app import create_app
    from exfilwatch_playbooks.service.settings import ServeSettings

    configure(log.value)
    chosen = settings()
    if database:
        chosen = chosen.model_copy(update={"database": database})
    given = {"host": host, "port": port, "certificate": certificate, "key": key, "client_ca": client_ca}
    serving = ServeSettings.of(chosen.serve, **given, insecure=insecure or None, poll_every=poll_every)
    app = create_app(chosen, serving)
    if openapi or openapi_30:
        from exfilwatch_playbooks.service.paging import encoded

        documents = app.state.documents
        stdout.write_line(encoded(documents.older if openapi_30 else documents.current))
        return
    from exfilwatch_playbooks.service.server import serve as listen

    if not app.state.service.tokens.any_valid():
        say("nobody has a token yet: `exfilwatch tokens add NAME --scope read,act` makes one")
    listen(app, lambda url: say(f"listening on {url}"))
