"""`exfilwatch detect`: findings in files, folders and standard input, printed and not kept."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import (
    FindingsOutput,
    Level,
    NoFilters,
    Output,
    Paths,
    Rules,
    Since,
    Until,
    examples,
    rank,
    span,
)

if TYPE_CHECKING:
    from exfilwatch.detection.detection import Detection
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.events.report import Report

FailOn = Annotated[
    Level | None,
    typer.Option(
        "--fail-on",
        metavar="LEVEL",
        help="End with exit code 4 when there is a finding of this level (informational, low, medium, high, critical) "
        "or above.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch detect logs/ evidence.zip Security.evtx",
        "exfilwatch detect logs/ --rules exfil --rules my-filters/ --since 24h",
        "zcat sysmon.json.gz | exfilwatch detect - --output jsonl | jq .rule.title",
        "exfilwatch detect logs/ --fail-on high",
    )
    app.command("detect", epilog=shown)(detect)


def detect(
    paths: Paths,
    rules: Rules = None,
    no_filters: NoFilters = False,
    output: FindingsOutput = None,
    since: Since = None,
    until: Until = None,
    fail_on: FailOn = None,
) -> None:
    """Print what the rules find. Nothing is kept: see `exfilwatch run` for that.

    Findings go to standard output, counts and problems to standard error.
    """
    from exfilwatch.errors import ExfilwatchError
    from exfilwatch.events.report import Report
    from exfilwatch_playbooks.cli import summary
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.settings import rule_set

    bounds = span(since, until)
    loaded, report = rule_set(rules, filters=not no_filters), Report()
    form = output or (Output.TABLE if stdout.is_terminal() else Output.JSONL)
    started = time.monotonic()
    levels = Counter[str]()
    live = form is Output.TABLE or not stdout.is_terminal()
    found = _counted(detections(paths, loaded, report, *bounds, progress=live), levels)
    try:
        _write(found, form)
    except ExfilwatchError:
        summary.problems(report)
        raise
    summary.problems(report)
    took = time.monotonic() - started
    say(f"{summary.levels(levels)} in {summary.events(report)}, {took:.1f} s")
    if fail_on and any(rank(level) >= fail_on.rank for level in levels):
        raise typer.Exit(exits.FOUND)
    if report.had_errors:
        raise typer.Exit(exits.UNREADABLE)


def detections(
    paths: Iterable[str],
    rules: "RuleSet",
    report: "Report",
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    progress: bool = True,
) -> Iterator["Detection"]:
    """What `rules` find in `paths`, as it is found; since <= event time < until.

    Each finding once, also when a record is in several files or a path is given twice.
    """
    from exfilwatch.detection.engine import Engine
    from exfilwatch.findings.identity import finding_id
    from exfilwatch_playbooks.cli.progress import Bar
    from exfilwatch_playbooks.cli.reading import inputs
    from exfilwatch_playbooks.cli.times import micros

    engine = Engine(rules, report, micros(since), micros(until))
    bar = Bar(report, quiet=not progress)
    seen = set[str]()
    try:
        for each in engine.run(bar.watch(inputs(paths, report, replayable=True))):
            identity = finding_id(each.rule.id, [event.id for event in each.events], each.kinship)
            if identity not in seen:
                seen.add(identity)
                yield each
    finally:
        bar.close()


def _counted(found: Iterable["Detection"], levels: Counter[str]) -> Iterator["Detection"]:
    for each in found:
        levels[each.rule.level] += 1
        yield each


def _write(found: Iterable["Detection"], form: Output) -> None:
    if form is Output.JSONL:
        from exfilwatch_playbooks.cli.jsonl import finding_line

        for each in found:
            stdout.write_line(finding_line(each))
        return
    from exfilwatch.findings.finding import finding

    if form is Output.CSV:
        from exfilwatch_playbooks.exports import spreadsheet

        stdout.write_line(spreadsheet.header())
        for each in found:
            stdout.write_line(spreadsheet.row(finding(each)))
        return
    from exfilwatch_playbooks.cli.tables import show_findings

    show_findings([finding(each) for each in found])
