"""`exfilwatch tokens`: who may ask the service, and for what."""

from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, RowsOutput, examples, readable

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.tokens import Token, Tokens


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="Make, list and revoke the tokens of `exfilwatch serve`.")
    made = examples("exfilwatch tokens add xsoar --scope read,act --expires 365d", "exfilwatch tokens add grafana")
    family.command("add", epilog=made)(add)
    family.command("list", epilog=examples("exfilwatch tokens list"))(list_tokens)
    family.command("revoke", epilog=examples("exfilwatch tokens revoke xsoar"))(revoke)
    app.add_typer(family, name="tokens")


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: the audit log has it.")],
    scope: Annotated[
        str, typer.Option(metavar="SCOPE,...", help="read, act (what changes something), admin (the audit log).")
    ] = "read",
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="Its end: 90d, 2027-03-12. Default: none.", show_default=False)
    ] = None,
    database: Database = None,
) -> None:
    """Make a token, and print it: only its digest is kept."""
    from datetime import UTC, datetime

    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.actions.inputs import end
    from exfilwatch_playbooks.cli.boundary import say

    until = None
    if expires is not None:
        try:
            until = end(expires, datetime.now(UTC))
        except ValueError as error:
            raise ConfigError(f"--expires {expires!r}: {error}") from None
    sent, made = _tokens(database).add(name, scope.split(","), until)
    lasts = f" until {made.expires:%Y-%m-%d %H:%M} UTC" if made.expires else ""
    say(f"token {made.name} ({', '.join(made.scopes)}){lasts}: keep it now, it is not shown again")
    stdout.write_line(sent.encode())


def list_tokens(output: RowsOutput = None, database: Database = None) -> None:
    """List the tokens that were made, without what is sent."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    found = _tokens(database).all()
    if readable(output):
        from exfilwatch_playbooks.cli.tables import listing
        from exfilwatch_playbooks.cli.terminal import console, plain, when

        table = listing("Name", "Scopes", "State", "Made (UTC)", "Ends (UTC)")
        for each in found:
            ends = when(each.expires) if each.expires else plain("never")
            state = each.state(now)
            style = "green" if state == "valid" else "dim"
            table.add_row(plain(each.name), ", ".join(each.scopes), plain(state, 20, style), when(each.created), ends)
        console().print(table)
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for each in found:
        stdout.write_line(line(_row(each) | {"state": each.state(now)}))


def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its id.")], database: Database = None
) -> None:
    """Take a token no more; a service that runs knows it within a second."""
    from exfilwatch_playbooks.cli.boundary import say

    say(f"token {_tokens(database).revoke(name).name} is revoked")


def _row(token: "Token") -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "created": token.created,
        "expires": token.expires,
        "revoked": token.revoked,
    }


def _tokens(database: str | None) -> "Tokens":
    from exfilwatch_playbooks.cli.settings import open_store
    from exfilwatch_playbooks.service.tokens import Tokens

    return Tokens(open_store(database).database)
