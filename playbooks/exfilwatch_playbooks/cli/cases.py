"""`exfilwatch cases`: the local cases that `exfilwatch run` has opened."""

from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, RowsOutput, examples, readable

if TYPE_CHECKING:
    from exfilwatch_playbooks.cases.local import Local


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="List and show the local cases.")
    family.command("list", epilog=examples("exfilwatch cases list"))(list_cases)
    family.command("show", epilog=examples("exfilwatch cases show 1"))(show)
    app.add_typer(family, name="cases")


def list_cases(output: RowsOutput = None, database: Database = None) -> None:
    """List cases, newest first."""
    import asyncio

    from exfilwatch_playbooks.cli.jsonl import line

    found = asyncio.run(_local(database).list())
    if readable(output):
        from exfilwatch_playbooks.cli.boundary import say
        from exfilwatch_playbooks.cli.case_view import show_cases
        from exfilwatch_playbooks.cli.summary import counted

        show_cases(found)
        say(counted(len(found), "case"))
        return
    for case in found:
        stdout.write_line(line(case.model_dump(mode="json")))


def show(
    case: Annotated[str, typer.Argument(metavar="ID", help="A case's number.")],
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """Show one case: what happened, how we know, what to do now."""
    import asyncio

    from exfilwatch.errors import CaseError, ConfigError

    try:
        found = asyncio.run(_local(database).get(case))
    except CaseError as error:
        raise ConfigError(str(error)) from None
    if readable(output):
        from exfilwatch_playbooks.cli.case_view import show_case

        show_case(found)
        return
    from exfilwatch_playbooks.cli.jsonl import line

    stdout.write_line(line(found.model_dump(mode="json")))


def _local(database: str | None) -> "Local":
    from exfilwatch_playbooks.cases.local import Local
    from exfilwatch_playbooks.cli.settings import open_store

    return Local(open_store(database, existing=True))
