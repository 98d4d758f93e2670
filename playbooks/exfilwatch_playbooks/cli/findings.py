"""`exfilwatch findings`: what `exfilwatch run` has kept."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import (
    Database,
    FindingsOutput,
    Level,
    Output,
    RowsOutput,
    Since,
    Until,
    examples,
    readable,
    span,
)

if TYPE_CHECKING:
    from exfilwatch.findings.finding import Finding
    from exfilwatch.findings.marks import Mark


class As(StrEnum):
    """What a finding turned out to be: findings.marks.Disposition, which takes long to import."""

    FALSE_POSITIVE = "false-positive"
    TRUE_POSITIVE = "true-positive"
    BENIGN = "benign"
    DUPLICATE = "duplicate"


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="List, show and mark the findings that are kept.")
    shown = examples("exfilwatch findings list --level high --since 7d", "exfilwatch findings list --host ws-07")
    family.command("list", epilog=shown)(list_findings)
    family.command("show", epilog=examples("exfilwatch findings show 3fa9c2d1"))(show)
    family.command("mark", epilog=examples('exfilwatch findings mark 3fa9c2d1 false-positive --why "our backup"'))(mark)
    app.add_typer(family, name="findings")


def list_findings(
    host: Annotated[str | None, typer.Option(help="Of this host (ws1 = WS1.corp.local).")] = None,
    user: Annotated[str | None, typer.Option(help="Of this user (anna = CORP\\anna).")] = None,
    rule: Annotated[str | None, typer.Option(help="A rule's id, title or branch.")] = None,
    level: Annotated[Level | None, typer.Option(metavar="LEVEL", help="This level and above.")] = None,
    incident: Annotated[str | None, typer.Option(help="Of this incident: its id or the beginning of it.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many of the newest.")] = None,
    output: FindingsOutput = None,
    database: Database = None,
) -> None:
    """List findings, newest first."""
    from exfilwatch_playbooks.cli.settings import open_store

    start, end = span(since, until)
    store = open_store(database, existing=True)
    found = store.find(
        host=host, user=user, rule=rule, level=level, since=start, until=end, incident=incident, limit=limit
    )
    form = output or (Output.TABLE if stdout.is_terminal() else Output.JSONL)
    write(found, form, store.marks(each.id for each in found))


def show(
    finding: Annotated[str, typer.Argument(metavar="ID", help="A finding's id, or the beginning of it.")],
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """Show one finding: what, who, when, why, and the events."""
    from exfilwatch_playbooks.cli.settings import open_store

    store = open_store(database, existing=True)
    found = store.get(finding)
    marks = store.marks([found.id])
    if readable(output):
        from exfilwatch_playbooks.cli.finding_view import show_finding

        show_finding(found, marks.get(found.id))
    else:
        write([found], Output.JSONL, marks)


def mark(
    finding: Annotated[str, typer.Argument(metavar="ID", help="A finding's id, or the beginning of it.")],
    disposition: Annotated[As, typer.Argument(metavar="|".join(As), help="What it turned out to be.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for whoever reads it later.")],
    database: Database = None,
) -> None:
    """Say what a finding turned out to be. `exfilwatch tune` learns from it; a later mark replaces it."""
    from exfilwatch.findings.marks import Disposition
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.settings import open_store

    marked = open_store(database, existing=True).mark(finding, Disposition(disposition.value), why)
    say(f"{marked.id}: {disposition.value}: {marked.rule.title}")


def write(findings: "list[Finding]", form: Output, marks: "Mapping[str, Mark]") -> None:
    """Findings in one of the forms; a marked one has its `mark` in JSON and in tables."""
    if form is Output.JSONL:
        from exfilwatch_playbooks.cli.jsonl import line

        for each in findings:
            mark = {"mark": marks[each.id].model_dump(mode="json")} if each.id in marks else {}
            stdout.write_line(line(each.model_dump(mode="json") | mark))
    elif form is Output.CSV:
        from exfilwatch_playbooks.exports import spreadsheet

        stdout.write_line(spreadsheet.header())
        for each in findings:
            stdout.write_line(spreadsheet.row(each))
    else:
        from exfilwatch_playbooks.cli.boundary import say
        from exfilwatch_playbooks.cli.summary import counted
        from exfilwatch_playbooks.cli.tables import show_findings

        show_findings(findings, marks)
        say(counted(len(findings), "finding"))
