"""What the demo shows, step by step. Every number and every verdict in it is computed."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from exfilwatch.config import Policy, Settings
from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.incident import rank
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cli import summary
from exfilwatch_playbooks.cli.case_view import show_case, show_outcomes
from exfilwatch_playbooks.cli.detect import detections
from exfilwatch_playbooks.cli.explain import explained_finding
from exfilwatch_playbooks.cli.explanation_view import show_explanation
from exfilwatch_playbooks.cli.keep import keep
from exfilwatch_playbooks.cli.tables import listing, what
from exfilwatch_playbooks.cli.terminal import console, level, plain, when
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, SCENARIOS, Scenario, telemetry

_SHORT = 160  # characters of a command line
_SHOWN: Literal["medium"] = "medium"  # the lowest level of what is shown; below are weak signs


@dataclass(frozen=True)
class Found:
    """What a rule pack finds in the day."""

    rules: RuleSet
    findings: list[Finding]
    report: Report

    @property
    def shown(self) -> list[Finding]:
        """Those that are more than a weak sign."""
        return [each for each in self.findings if rank(each.rule.level) >= rank(_SHOWN)]

    def of(self, scenario: Scenario) -> list[Finding]:
        """The findings in the scenario's own records, of a branch that it should be found by."""
        return [
            each
            for each in self.shown
            if each.rule.branch in scenario.branches
            and any(Path(event.source).name in scenario.files for event in each.events)
        ]


def show() -> list[int]:
    """Show it all; the numbers of the scenarios that the exfil pack missed."""
    with telemetry() as files, tempfile.TemporaryDirectory(prefix="exfilwatch-demo-") as folder:
        ours = _detect(files, load([pack("exfil"), FILTERS, OWN_TRAFFIC]))
        seed = _detect(files, load([pack("seed")]))
        # Made of the defaults alone: the demo asks no SIEM and opens no case of whoever runs it.
        settings = Settings.model_construct(policy=Policy(enrich=_SHOWN, open=_SHOWN, page="never"))
        store = Store(str(Path(folder) / "demo.sqlite"))
        kept = keep(store, ours.findings, ours.rules, settings, [str(file) for file in files])
        case = _chosen([outcome.case for outcome in kept.outcomes if outcome.case is not None])
        _day(ours, files)
        _step(1, "What the exfil pack finds")
        _findings(ours)
        _step(2, "Why: one finding explained")
        _explanation(ours, case)
        _step(3, "The cases")
        _say(
            "Findings of one host and user that belong together are an incident, the weak signs among them too. Here "
            f"each incident with a finding of level {_SHOWN} or above gets one case:"
        )
        show_outcomes(kept.outcomes)
        if case is not None:
            _step(4, "One of them, as an analyst reads it")
            show_case(case)
        _step(5, "Were all four found?")
        missed = _verdicts(ours, seed)
        _step(6, "What to try next")
        _next(files[0].parent)
        return missed


def _detect(files: Sequence[Path], rules: RuleSet) -> Found:
    report = Report()
    found = [finding(each) for each in detections([str(file) for file in files], rules, report, progress=False)]
    return Found(rules, found, report)


def _chosen(cases: Sequence[Case]) -> Case | None:
    """Of the worst cases the one that is read quickest."""
    return min(cases, key=lambda case: (-rank(case.level), len(case.findings)), default=None)


def _day(found: Found, files: Sequence[Path]) -> None:
    _say("exfilwatch demo\n", "bold")
    _say("An ordinary working day of a dozen hosts, with cloud sync, inventory and backups, and hidden in it:\n")
    for scenario in SCENARIOS:
        console().print(Padding(Text(f"{scenario.number}  {scenario.title}", "bold"), (0, 2)))
        console().print(Padding(Text(scenario.what_happened, "dim"), (0, 2, 0, 5)))
    _say(f"\nRead {summary.events(found.report)} from {len(files)} files.")
    summary.problems(found.report)


def _findings(found: Found) -> None:
    """A row for each rule on each host, as it happened."""
    _say(
        f"Beside the pack run its filters, and as on any site the site's own ({OWN_TRAFFIC.name}): its payment "
        "provider, chat, file server, inventory and backups.\n"
    )
    rows: dict[tuple[str | None, str], list[Finding]] = {}
    for each in sorted(found.shown, key=lambda each: (each.time is None, each.time, each.id)):
        rows.setdefault((each.host, each.rule.title), []).append(each)
    table = listing("Time", "Host, user", "Level", "Finding", "")
    table.columns[0].no_wrap = table.columns[2].no_wrap = True
    table.columns[1].overflow = table.columns[3].overflow = "fold"
    table.columns[3].ratio = 1
    for (host, _), alike in rows.items():
        first = alike[0]
        table.add_row(
            when(first.time).plain[11:16],
            plain(host.split(".")[0] if host else None).append("\n").append_text(plain(first.user, 60, "dim")),
            level(first.rule.level),
            what(first, _SHORT, techniques=False),
            Text(f"×{len(alike)}" if len(alike) > 1 else "", "dim"),
        )
    console().print(table)
    weaker = summary.counted(len(found.findings) - len(found.shown), "weaker sign")
    _say(f"\nBesides these, {weaker} below level {_SHOWN}: searches and archives.", "dim")


def _explanation(found: Found, case: Case | None) -> None:
    """The finding of the case that has most to say, and says it by itself: a sequence is explained by its parts."""
    single = {rule.info.id for rule in found.rules.rules}
    of_case = [each for each in found.shown if each.rule.id in single and (case is None or each.id in case.findings)]
    if not of_case:
        return
    chosen = max(of_case, key=lambda each: (rank(each.rule.level), len(each.signals), each.id))
    _say("Every signal of the rule, whether it matched, and where:\n")
    for explanation in explained_finding(chosen, found.rules, Report()):
        show_explanation(explanation)


def _verdicts(ours: Found, seed: Found) -> list[int]:
    """A table of what each pack found; the scenarios that ours missed."""
    table = listing("Scenario", "exfil pack", "seed pack")
    table.columns[0].ratio = 1
    for scenario in SCENARIOS:
        table.add_row(Text(f"{scenario.number}  {scenario.title}"), _verdict(ours, scenario), _verdict(seed, scenario))
    elsewhere = (Text(f"{len(_elsewhere(found)):,} findings", "dim") for found in (ours, seed))
    table.add_row(Text("   The ordinary rest of the day", "dim"), *elsewhere)
    console().print(table)
    missed = [scenario.number for scenario in SCENARIOS if not seed.of(scenario)]
    if missed:
        noun, numbers = "scenario" if len(missed) == 1 else "scenarios", " and ".join(map(str, missed))
        _say(
            f"The seed pack is the published query, word by word. Alone it does not find {noun} {numbers}: "
            "docs/seed-query.md says why. The exfil pack is the default."
        )
    return [scenario.number for scenario in SCENARIOS if not ours.of(scenario)]


def _verdict(found: Found, scenario: Scenario) -> Text:
    count = len(found.of(scenario))
    return Text(summary.counted(count, "finding"), "green") if count else Text("not found", "bold red")


def _elsewhere(found: Found) -> list[Finding]:
    inside = {each.id for scenario in SCENARIOS for each in found.of(scenario)}
    return [each for each in found.shown if each.id not in inside]


def _next(folder: Path) -> None:
    for command, effect in (
        (
            "exfilwatch detect LOGS",
            "find exfiltration in your own logs: files, folders, .gz, .zip, EVTX, standard input",
        ),
        ("exfilwatch explain LOGS --fired", "why, signal by signal"),
        ("exfilwatch run LOGS", "keep findings and open cases; then exfilwatch cases list"),
        ("exfilwatch report INCIDENT", "an incident as an HTML page, for whoever decides; a case names its incident"),
        ("exfilwatch rules list", "the rules; write your own after docs/rules.md"),
        (f"exfilwatch detect {folder} --rules seed", "the telemetry of this demo"),
    ):
        console().print(Text("  $ ", "dim").append(command, "bold cyan"), soft_wrap=True)
        console().print(Padding(Text(effect, "dim"), (0, 0, 0, 4)))


def _step(number: int, title: str) -> None:
    out = console()
    out.print()
    out.print(Rule(Text(f" {number}  {title} ", "bold"), align="left", style="cyan"))
    out.print()


def _say(text: str, style: str = "") -> None:
    console().print(Text(text, style))
