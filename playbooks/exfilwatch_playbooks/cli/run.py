"""`exfilwatch run`: detect, keep, group into incidents, open cases."""

from collections import Counter
from typing import TYPE_CHECKING

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.detect import FailOn, detections
from exfilwatch_playbooks.cli.options import (
    Database,
    NoFilters,
    Paths,
    RowsOutput,
    Rules,
    Since,
    Until,
    examples,
    rank,
    readable,
    span,
)

if TYPE_CHECKING:
    from exfilwatch_playbooks.cli.keep import Kept
    from exfilwatch_playbooks.policy import Handled


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch run logs/",
        "exfilwatch run logs/ --database cases.sqlite && exfilwatch cases list --database cases.sqlite",
        "exfilwatch run /var/log/audit/ --since 24h --fail-on high",
    )
    app.command("run", epilog=shown)(run)


def run(
    paths: Paths,
    rules: Rules = None,
    no_filters: NoFilters = False,
    since: Since = None,
    until: Until = None,
    output: RowsOutput = None,
    fail_on: FailOn = None,
    database: Database = None,
) -> None:
    """Detect, keep the findings, group them into incidents, and enrich them, open cases and page as the policy of the
    settings says. Prints what is new.

    Running it again over the same events changes nothing.
    """
    from exfilwatch.config import settings
    from exfilwatch.errors import ExfilwatchError
    from exfilwatch.events.report import Report
    from exfilwatch.findings.finding import finding
    from exfilwatch_playbooks.cli import summary
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.keep import checked, keep
    from exfilwatch_playbooks.cli.settings import open_store, rule_set

    bounds = span(since, until)
    # The store first: one that can't be written should not cost the time to read everything.
    chosen, store, loaded = settings(), open_store(database), rule_set(rules, filters=not no_filters)
    checked(chosen, store, loaded)
    report = Report()
    try:
        found = [finding(each) for each in detections(paths, loaded, report, *bounds)]
    except ExfilwatchError:
        summary.problems(report)
        raise
    kept = keep(store, found, loaded, chosen)
    (_show if readable(output) else _write)(kept)
    summary.problems(report)
    levels = Counter(each.rule.level for each in found)
    say(f"{summary.levels(levels)} in {summary.events(report)}")
    say(f"{len(kept.saved.findings):,} of them new; {done(kept.handled)}; kept in {store.database.name}")
    for problem in kept.handled.problems:
        say(f"problem: {problem}")
    for failure in kept.handled.errors:
        say(f"error: {failure}")
    if kept.handled.errors:
        raise typer.Exit(exits.INTERNAL)
    if fail_on and any(rank(each.rule.level) >= fail_on.rank for each in kept.saved.findings):
        raise typer.Exit(exits.FOUND)
    if report.had_errors:
        raise typer.Exit(exits.UNREADABLE)


def done(handled: "Handled") -> str:
    """2 cases opened, 1 case extended, 1 page sent."""
    from exfilwatch_playbooks.cli.summary import counted

    cases = Counter(each.did for each in handled.outcomes if each.did in ("opened", "extended", "duplicate"))
    said = [f"{counted(count, 'case')} {did}" for did, count in cases.items()] or ["no case changed"]
    pages = sum(each.did in ("opened", "extended") for _, each in handled.pages)
    return ", ".join([*said, *([f"{counted(pages, 'page')} sent"] if pages else [])])


def _show(kept: "Kept") -> None:
    from exfilwatch_playbooks.cli.case_view import show_outcomes
    from exfilwatch_playbooks.cli.tables import show_findings

    show_findings(kept.saved.findings)
    show_outcomes(kept.outcomes)


def _write(kept: "Kept") -> None:
    """Lines of two kinds: {"new": "finding", "finding": ...} and {"new": "case" or "note", "case": ...}."""
    from exfilwatch_playbooks.cli.jsonl import line

    for finding in kept.saved.findings:
        stdout.write_line(line({"new": "finding", "finding": finding.model_dump(mode="json")}))
    for outcome in kept.outcomes:
        if outcome.case is not None and outcome.did != "known":
            new = "case" if outcome.did == "opened" else "note"
            stdout.write_line(line({"new": new, "did": outcome.did, "case": outcome.case.model_dump(mode="json")}))
