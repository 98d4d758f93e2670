"""The tests beside rules: events as data that must fire, and events that must not (docs/rules.md, Tests)."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.document import rule_files
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.detection.sigma_condition import Placeholders
from exfilwatch.errors import ConfigError
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.report import Report
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import pack, packs

START = 1_767_225_600_000_000
"""2026-01-01 in µs: second 0 of a case of several events."""
_WORDS = ("why", "reports", "logsource", "events", "rule", "at")


class Outcome(msgspec.Struct, frozen=True):
    """One case; `detail` says what came instead when it did not pass."""

    rule: str
    path: str
    why: str
    expected: str
    passed: bool
    detail: str = ""


def run_tests(paths: Iterable[Path | str], placeholders: Placeholders | None = None) -> list[Outcome]:
    """Run the cases of every rule file of `paths` that has some in the folder `tests` beside it.

    Raises RuleError for rules that can't be loaded, ConfigError for cases that are none.
    """
    files = rule_files(paths)
    for folder in dict.fromkeys(path.parent / "tests" for path in files):
        for beside in sorted(folder.glob("*.yml")):
            if not (folder.parent / beside.name).exists():
                raise ConfigError(f"{beside}: there is no rule file {folder.parent / beside.name} that it tests")
    return [outcome for path in files for outcome in _outcomes(path, placeholders)]


def tests_of(path: Path) -> Path:
    """Where the cases of a rule file stand."""
    return path.parent / "tests" / f"{path.stem}.yml"


class Case(NamedTuple):
    """One case as it is written, and what it gives: its events by time, and the findings of the rule that is tested.

    `without`: those without the filter, in a case of a filter; None in one of a rule.
    """

    expected: str
    why: str
    reports: dict[str, Any]
    events: list[Event]
    found: list[Detection]
    without: list[Detection] | None


def cases(path: Path, placeholders: Placeholders | None = None) -> Iterator[Case]:
    """The cases beside a rule file, evaluated; none when there is no such file. Raises as `run_tests`."""
    yield from (case for _, case in _cases(path, placeholders))


def _outcomes(path: Path, placeholders: Placeholders | None) -> Iterator[Outcome]:
    for title, case in _cases(path, placeholders):
        detail = _detail(case)
        yield Outcome(title, str(tests_of(path)), case.why, case.expected, not detail, detail)


def _cases(path: Path, placeholders: Placeholders | None) -> Iterator[tuple[str, Case]]:
    beside = tests_of(path)
    if not beside.exists():
        return
    content = _content(beside)
    values = {**(placeholders or {}), **(content.get("placeholders") or {})}
    tested = _Tested(path, values)
    for expected in ("fires", "silent"):
        for number, case in enumerate(content.get(expected) or [], 1):
            if not isinstance(case, dict) or not str(case.get("why") or "").strip():
                raise ConfigError(f"{beside}: {expected}, case {number}: says no `why`")
            if expected == "silent" and "reports" in case:
                raise ConfigError(f"{beside}: silent, case {number}: `reports` stands only in `fires`")
            yield tested.title, tested.case(expected, case, beside)


def _content(beside: Path) -> dict[str, Any]:
    try:
        content = read_yaml(beside.read_text("utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        place = f"{beside}:{mark.line + 1}" if mark else str(beside)
        raise ConfigError(f"{place}: is not sound YAML: {problem}") from error
    if not isinstance(content, dict) or not content.keys() <= {"fires", "silent", "placeholders"}:
        raise ConfigError(f"{beside}: two lists are expected, `fires` and `silent`")
    return content


class _Tested:
    """What a file's cases are held against: its rule; or its filters together with the rules that they are for."""

    def __init__(self, path: Path, placeholders: Placeholders) -> None:
        self._rules = load([path], placeholders)
        infos, filters = self._rules.infos, self._rules.filters
        if filters and not infos:
            names = {each.pack for each in filters}
            around = [pack(name) for name in (packs() if "" in names else sorted(names))]
            self._filtered: RuleSet | None = load([*around, path], placeholders)
            self._rules = load(around, placeholders)
            self.title, self._tested = filters[0].info.title, ""
            return
        if len(infos) != 1:
            raise ConfigError(f"{path}: has {len(infos)} rules that give findings; tests need a file with one")
        self._filtered = None
        self.title, self._tested = infos[0].title, infos[0].id

    def case(self, expected: str, case: dict[str, Any], path: Path) -> Case:
        """A case of the file, evaluated."""
        events = _events(case, self._rules, path)
        plain = self._found(self._rules, events)
        found = plain if self._filtered is None else self._found(self._filtered, events)
        without = None if self._filtered is None else plain
        return Case(expected, str(case["why"]), case.get("reports") or {}, events, found, without)

    def _found(self, rules: RuleSet, events: list[Event]) -> list[Detection]:
        return [each for each in Engine(rules, Report()).detect(events) if self._tested in ("", each.rule.id)]


def _detail(case: Case) -> str:
    """What is wrong with a case; empty when it passes."""
    found = case.found
    if case.expected == "silent":
        if case.without == []:
            return "no finding without the filter either"
        count = f"{len(found)} findings" if len(found) > 1 else "a finding"
        return f"{count}, because of {_signals(found[0])}" if found else ""
    if not found:
        return "no finding"
    reports = case.reports
    wrong = {name: found[0].fields.get(name) for name, value in reports.items() if found[0].fields.get(name) != value}
    return "; ".join(f"{name} is {value!r}, not {reports[name]!r}" for name, value in wrong.items())


def _signals(found: Detection) -> str:
    return ", ".join(f"{signal.name} ({signal.matched!r} in {signal.field})" for signal in found.signals) or "no signal"


def _events(case: dict[str, Any], rules: RuleSet, path: Path) -> list[Event]:
    several = case.get("events")
    if several is None:
        return [_event(case, rules, path, 0)]
    return [_event(each, rules, path, number) for number, each in enumerate(several)]


def _event(case: dict[str, Any], rules: RuleSet, path: Path, number: int) -> Event:
    """An event of the case's log source; without one, of its member's or the only rule's."""
    named = str(case.get("rule") or "")
    names = {reference: rule for each in rules.correlations for reference, rule in each.references.items()}
    rule = rules.by_id.get(names.get(named, named)) if named else rules.rules[0]
    if rule is None:
        raise ConfigError(f"{path}: there is no rule {named!r} for the case {case.get('why', number)!r}")
    given = case.get("logsource") or {}
    source = rule.source
    fields = {str(name): value for name, value in case.items() if name not in _WORDS}
    return Event(
        shape="test",
        category=str(given.get("category", source.category)),
        product=str(given.get("product", source.product or "windows")),
        service=str(given.get("service", source.service)),
        time=START + round(float(case.get("at", number)) * 1_000_000),
        ingest_time=None,
        host=str(fields.get("Computer", "HOST")),
        id=f"{path.name}-{number}",
        origin=Origin(str(path), number),
        fields={"Computer": "HOST"} | fields,
        raw=fields,
    )
