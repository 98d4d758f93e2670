"""Rules on events: which rules an event concerns, which fire, and what a hit of a correlation's member carries."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from exfilwatch.detection.condition import Get
from exfilwatch.detection.correlate import Match
from exfilwatch.detection.derived import ACTS, DERIVED
from exfilwatch.detection.detection import Detection, Kinship, shifted
from exfilwatch.detection.hits import Hit, Scalar
from exfilwatch.detection.logsource import LogSource, key_of
from exfilwatch.detection.output import Fired, reported
from exfilwatch.detection.parts import PARTS, with_parts
from exfilwatch.detection.rule import Correlation, Rule, RuleSet, Verdict
from exfilwatch.detection.screen import Plan
from exfilwatch.detection.texts import FieldGetter
from exfilwatch.detection.trees import kin_of
from exfilwatch.detection.values import text_of
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.events.report import Report

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Member(NamedTuple):
    """A rule as a member of a correlation."""

    correlation: Correlation
    group_fields: tuple[str, ...]
    value_fields: tuple[str, ...]


class Evaluator:
    """The rules of a set, by the events that they concern. `since` <= time < `until` (µs UTC); None: no bound."""

    def __init__(self, rules: RuleSet, report: Report, since: int | None = None, until: int | None = None) -> None:
        self.rules = rules
        self.report = report
        self._since, self._until = since, until
        self._concerned: dict[tuple[str, str, str], tuple[Rule, ...]] = {}
        self._plans: dict[tuple[tuple[str, str, str], frozenset[str] | None], Plan] = {}
        self.members: dict[str, list[Member]] = {}
        for correlation in rules.correlations:
            for rule in correlation.plan.members:
                fields = correlation.plan.group_fields(rule), correlation.plan.value_fields(rule)
                self.members.setdefault(rule, []).append(Member(correlation, *fields))

    @cached_property
    def _wanted(self) -> dict[LogSource, list[int]]:
        """The rules whose result somebody asks for, by what they look at."""
        found: dict[LogSource, list[int]] = {}
        for number, rule in enumerate(self.rules.rules):
            if rule.emits or rule.id in self.members:
                found.setdefault(rule.source, []).append(number)
        return found

    def concerned(self, key: tuple[str, str, str]) -> tuple[Rule, ...]:
        """The rules that look at events of this category, product and service, and whose result somebody asks for."""
        found = self._concerned.get(key)
        if found is None:
            numbers = sorted(chain.from_iterable(each for source, each in self._wanted.items() if source.fits(*key)))
            fitting = with_parts(self.rules.rules[number] for number in numbers)
            found = self._concerned[key] = tuple(
                rule for rule in fitting if rule is not PARTS or rule.source.fits(*key)
            )
        return found

    def fired(self, event: Event, among: frozenset[str] | None = None) -> list[Verdict]:
        """The verdicts of the rules that fire on an event, or of those of some ids."""
        if not within(event.time, self._since, self._until):
            return []
        key = key_of(event), among
        plan = self._plans.get(key)
        if plan is None:
            rules = [rule for rule in self.concerned(key[0]) if among is None or rule.id in among]
            plan = self._plans[key] = Plan(rules, _seen, derived=True)
        verdicts = (Verdict(rule, event) for rule in plan.rules(event))
        return [verdict for verdict in verdicts if self._fires(verdict)]

    def _fires(self, verdict: Verdict) -> bool:
        """Whether a rule fires; an expression that takes too long is reported and counts as no match."""
        try:
            return verdict.fires
        except TimeoutError:
            why = "an expression took too long on an event and was given up there"
            self.report.problem(verdict.event.origin, why, f"rule {verdict.rule.info.title!r}")
            return False

    def hits(self, rule: Rule, event: Event) -> Iterator[tuple[Correlation, Hit]]:
        """The hits that a rule which fired gives to correlations; none for an event without time or group."""
        if event.time is None:
            return
        get = rule.getter(event)
        for member in self.members.get(rule.id, ()):
            group = group_of(get, member.group_fields)
            if group is not None:
                values = tuple(_scalar(get(name)) for name in member.value_fields)
                record = packed(event)
                kin = kin_of(event) if member.correlation.plan.tree else None
                yield member.correlation, Hit(rule.id, group, event.time, event.id, values, record, kin)

    def correlated(self, correlation: Correlation, match: Match) -> Detection:
        """The detection for a match, with the events behind it by time, then id."""
        pairs = [pair for hit in match.hits for pair in recorded(hit)]
        events = {event.id: event for _, event in pairs}
        ordered = sorted(events.values(), key=lambda event: (event.time or 0, event.id))
        by_rule: dict[str, Fired] = {}
        signals = []
        for rule_id, event in sorted(pairs, key=lambda pair: (pair[1].time or 0, pair[1].id)):
            rule = self.rules.by_id[rule_id]
            signals += rule.signals(event)
            by_rule.setdefault(rule_id, Verdict(rule, event).fired(correlation.info.branch))
        members = {name: by_rule[rule] for name, rule in correlation.references.items() if rule in by_rule}
        first = rule_of(members, by_rule, correlation)._replace(cadence=match.cadence)
        shown: dict[str, Value] = reported(correlation.outputs, {"": first} | members)
        info, kinship = correlation.info, match.kinship
        if kinship is not None:
            shown["Processes"] = kinship.value
        if kinship is Kinship.APART:
            info = msgspec.structs.replace(info, level=shifted(info.level, -1))
        return Detection(info, ordered, signals, shown, None, kinship)


def _seen(rule: Rule, field: str) -> FieldGetter:
    """How a rule sees a field of events."""
    if field == ACTS.field or field in DERIVED:
        return lambda event: rule.getter(event)(field)
    return (lambda event: event.get_raw(field)) if rule.source.raw else (lambda event: event.get(field))


def within(time: int | None, since: int | None, until: int | None) -> bool:
    """Whether an event of this time is asked for (since <= time < until, µs UTC); one without a time is."""
    return time is None or ((since is None or time >= since) and (until is None or time < until))


class _Packing:
    """Packs events, of which several rules give hits in turn: all with the same bytes."""

    def __init__(self) -> None:
        self._last: tuple[Event, bytes] | None = None

    def of(self, event: Event) -> bytes:
        if self._last is None or self._last[0] is not event:
            self._last = (event, _packed(event))
        return self._last[1]


packed = _Packing().of
"""The record of a hit: the event."""


def _packed(event: Event) -> bytes:
    try:
        return _encode(event)
    except (OverflowError, UnicodeEncodeError):  # integers beyond 64 bits, lone surrogates: as texts
        fields, raw = _storable(event.fields), _storable(event.raw)
        return _encode(msgspec.structs.replace(event, fields=fields, raw=raw))


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return str(value)
    return value


def rule_of(members: dict[str, Fired], by_rule: dict[str, Fired], correlation: Correlation) -> Fired:
    """The event that stands for the match where no member is named: the first member's, else the first of all."""
    first = correlation.plan.members[0]
    return by_rule.get(first) or next(iter(members.values()), None) or next(iter(by_rule.values()))


def group_of(get: Get, names: Iterable[str]) -> tuple[str, ...] | None:
    """The group-by values of an event, as a rule sees its fields, as texts; None when one is absent."""
    group = tuple(text_of(get(name)) or "" for name in names)
    return group if all(group) else None


def _scalar(value: Value) -> Scalar:
    return value if isinstance(value, str | int | float | bool) else None


def recorded(hit: Hit) -> list[tuple[str, Event]]:
    """The events of a hit, each with the id of the rule that fired on it."""
    return [(rule, _event(fields)) for rule, fields in _pairs(hit.rule, hit.record)]


def unpacked(record: bytes) -> Event:
    """The event of a record."""
    ((_, fields),) = _pairs("", record)
    return _event(fields)


def joined(hits: Iterable[Hit]) -> bytes:
    """The record of a hit that is made of others."""
    return _encode([pair for hit in hits for pair in _pairs(hit.rule, hit.record)])


def _pairs(rule: str, record: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The events of a hit of `rule`, each with the rule that fired on it; older versions named it in each record."""
    found = _decode(record)
    return [(rule, found)] if isinstance(found, dict) else found


def _event(fields: dict[str, Any]) -> Event:
    return Event(**{**fields, "origin": Origin(**fields["origin"])})
