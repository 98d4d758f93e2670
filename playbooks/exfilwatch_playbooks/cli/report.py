"""`exfilwatch report`: an incident as one HTML file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, Rules, examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch report 4b77887a",
        "exfilwatch report 4b77887a --out /srv/reports/4b77887a.html",
        "exfilwatch report 4b77887a --out - > report.html",
    )
    app.command("report", epilog=shown)(report)


def report(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="An incident's id, or the beginning of it.")],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to; - for standard output. Default: exfilwatch-report-ID.html, here.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    rules: Rules = None,
    database: Database = None,
) -> None:
    """Write the report of an incident: one HTML file that loads nothing, for the analyst and for the manager.

    Open it in any browser; print it, or save it as PDF, from there. See docs/report.md.
    """
    from datetime import UTC, datetime

    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.settings import open_store, rule_set
    from exfilwatch_playbooks.report.stored import file_name, report_of

    infos = {info.id: info for info in rule_set(rules).infos}
    found, page = report_of(open_store(database, existing=True), incident, infos, datetime.now(UTC))
    written = page.encode()
    if out == "-":
        stdout.write_line(written.rstrip(b"\n"))
        return
    target = Path(out or file_name(found))
    write(target, written, force=force)
    say(f"{target}: report of incident {found.id}, {len(written):,} bytes")


def write(target: Path, content: bytes, *, force: bool) -> None:
    """Write a file whole or not at all. Raises ConfigError, and OSError when the disk is full."""
    from exfilwatch.errors import ConfigError

    if not target.parent.is_dir():
        raise ConfigError(f"{target.parent}: there is no such folder: make it, or give another --out")
    if target.is_dir():
        raise ConfigError(f"{target}: is a folder: give the name of a file in it")
    if target.exists() and not force:
        raise ConfigError(f"{target}: is there already: --force overwrites it, --out names another file")
    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    except PermissionError as error:
        raise ConfigError(f"{target}: can't be written ({error.strerror}): give another --out") from None
    except OSError as error:
        error.filename = str(target)
        raise
    finally:
        part.unlink(missing_ok=True)
