"""`exfilwatch audit`: who ran which action or changed which token, when, with what input, and what came of it."""

from typing import Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, RowsOutput, Since, Until, examples, readable, span


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="Read the audit log of actions.")
    family.command("list", epilog=examples("exfilwatch audit list --since 7d --action suppress"))(list_entries)
    app.add_typer(family, name="audit")


def list_entries(
    action: Annotated[str | None, typer.Option(metavar="NAME", help="Of this action.")] = None,
    who: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many of the newest.")] = None,
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """List the actions that were run, and tokens made and revoked, newest first. Inputs are without secrets."""
    from exfilwatch_playbooks.actions.audit import Audit
    from exfilwatch_playbooks.cli.settings import open_store

    start, end = span(since, until)
    audit = Audit(open_store(database, existing=True).database)
    found = audit.entries(action=action, who=who, since=start, until=end, limit=limit)
    if readable(output):
        from exfilwatch_playbooks.cli.answer_view import show_entries
        from exfilwatch_playbooks.cli.boundary import say
        from exfilwatch_playbooks.cli.summary import counted

        show_entries(found)
        say(counted(len(found), "run"))
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for each in found:
        stdout.write_line(line(each.model_dump(mode="json")))
