"""`exfilwatch run`: detect, keep, group into incidents, open cases."""

from collections import Counter
from collections.abc import Iterable
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
    from exfilwatch_playbooks.cases.opening import Outcome
    from exfilwatch_playbooks.cli.keep import Kept


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
    """Detect, keep the findings, group them into incidents and open a case for each that is grave enough. Prints
    what is new.

    Running it again over the same events changes nothing.
    """
    from exfilwatch.errors import ExfilwatchError
    from exfilwatch.events.report import Report
    from exfilwatch.findings.finding import finding
    from exfilwatch_playbooks.cli import summary
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.keep import keep
    from exfilwatch_playbooks.cli.settings import case_level, configured_cases, open_store, rule_set

    bounds = span(since, until)
    # The store first: one that can't be written should not cost the time to read everything.
    store, loaded, report = open_store(database), rule_set(rules, filters=not no_filters), Report()
    system = configured_cases(store)
    try:
        found = [finding(each) for each in detections(paths, loaded, report, *bounds)]
    except ExfilwatchError:
        summary.problems(report)
        raise
    kept = keep(store, found, loaded, case_level(), system)
    (_show if readable(output) else _write)(kept)
    summary.problems(report)
    levels = Counter(each.rule.level for each in found)
    say(f"{summary.levels(levels)} in {summary.events(report)}")
    say(f"{len(kept.saved.findings):,} of them new; {_done(kept.outcomes)}; kept in {store.database.name}")
    failures = [outcome for outcome in kept.outcomes if outcome.error is not None]
    for failure in failures:
        say(f"error: incident {failure.incident}: {failure.error}")
    if failures:
        raise typer.Exit(exits.INTERNAL)
    if fail_on and any(rank(each.rule.level) >= fail_on.rank for each in kept.saved.findings):
        raise typer.Exit(exits.FOUND)
    if report.had_errors:
        raise typer.Exit(exits.UNREADABLE)


def _done(outcomes: "Iterable[Outcome]") -> str:
    """2 cases opened, 1 case extended."""
    from exfilwatch_playbooks.cli.summary import counted

    done = Counter(outcome.did for outcome in outcomes if outcome.did in ("opened", "extended", "duplicate"))
    return ", ".join(f"{counted(count, 'case')} {did}" for did, count in done.items()) or "no case changed"


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
