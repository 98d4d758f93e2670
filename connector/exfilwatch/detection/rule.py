"""A rule ready to be evaluated: on an event it says yes or no, its score, and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from weakref import WeakValueDictionary

import msgspec

from exfilwatch.detection.condition import (
    All,
    Any,
    Get,
    Holds,
    Node,
    Not,
    Selection,
    compiled,
    evidence,
    fields,
    needed,
    selections,
)
from exfilwatch.detection.correlation_plan import CorrelationPlan
from exfilwatch.detection.derived import (
    DERIVED,
    MADE,
    UNMADE,
    cheapest_first,
    implying,
    is_derived,
    needs_action,
    screened,
    seeing,
)
from exfilwatch.detection.detection import Detection, RuleInfo, Signal, shifted
from exfilwatch.detection.extension import Score
from exfilwatch.detection.filters import PREFIX, FilterInfo
from exfilwatch.detection.implied import ACTING
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.output import Fired, Output, reported
from exfilwatch.events.event import Event, Value

_LONGEST = 2000
"""Characters of a matched text that a signal keeps."""


class _Shared:
    """What many rules ask of an event in turn: remembered for the last one, as those see it that see raw names first
    and as the others do."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._holds = compiled(cheapest_first(node, UNMADE))  # most rules are no business of commands
        self._kept: dict[bool, tuple[Event, bool]] = {}

    def holds(self, get: Get, event: Event, raw: bool) -> bool:
        """Whether the event satisfies it."""
        kept = self._kept.get(raw)
        if kept is None or kept[0] is not event:
            kept = self._kept[raw] = (event, self._holds(get, event))
        return kept[1]


_known: WeakValueDictionary[int, _Shared] = WeakValueDictionary()


def _shared(node: Node) -> _Shared:
    """The one of a node; filters are the same for all rules of a set."""
    found = _known.get(id(node))
    if found is None:
        found = _known[id(node)] = _Shared(node)
    return found


class _SharedAll:
    """Several of them, which many rules ask together."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._parts = [_shared(node) for node in nodes]
        self._kept: dict[bool, tuple[Event, bool]] = {}

    def holds(self, get: Get, event: Event, raw: bool) -> bool:
        """Whether the event satisfies all."""
        kept = self._kept.get(raw)
        if kept is None or kept[0] is not event:
            kept = self._kept[raw] = (event, all(part.holds(get, event, raw) for part in self._parts))
        return kept[1]


_together: WeakValueDictionary[tuple[int, ...], _SharedAll] = WeakValueDictionary()


def _shared_all(nodes: Sequence[Node]) -> _SharedAll:
    """The one of some nodes."""
    key = tuple(map(id, nodes))
    found = _together.get(key)
    if found is None:
        found = _together[key] = _SharedAll(nodes)
    return found


class Rule:
    """One Sigma rule. `id` is its Sigma id, else its name, else its title; `emits` is False for a mere member."""

    def __init__(
        self,
        info: RuleInfo,
        source: LogSource,
        condition: Node,
        nodes: Mapping[str, Node],
        outputs: list[Output],
        score: Score | None = None,
        shifts: Sequence[tuple[int, Node]] = (),
        silenced: Sequence[Node] = (),
    ) -> None:
        """`silenced`: what must hold as well, of the filters of the rule's pack. No screen and no query asks for it:
        they would grow by all filters for each rule, and may find more than the rule."""
        self.info = info
        self.id = info.id
        self.source = source
        self.silenced = tuple(silenced)
        self._unfiltered = condition
        self.condition = All((condition, *silenced)) if silenced else condition
        self.nodes = nodes
        self.outputs = outputs
        self.shifts = tuple(shifts)
        self.weights: dict[str, int] = dict(score.weights) if score else {}
        self.threshold = score.threshold if score else None
        self.emits = True
        self.derives = any(map(is_derived, (self.condition, *nodes.values())))
        # Whether it asks for what a command line does: told cheaply of one that does nothing.
        self.needs_action = self.derives and needs_action(condition)
        positive = [name for name, to_be_met in selections(condition) if to_be_met]
        self.shown = [name for name in dict.fromkeys([*positive, *self.weights]) if not name.startswith(PREFIX)]

    @property
    def alone(self) -> Node:
        """Its condition without the filters of its pack."""
        return self._unfiltered

    @cached_property
    def screen(self) -> Node:
        """What holds of an event's own fields wherever the condition does: for screens."""
        return screened(self._unfiltered) if self.derives else self._unfiltered

    @cached_property
    def needed(self) -> frozenset[str]:
        """Fields of the event without which it does not fire."""
        return needed(self.screen)

    @cached_property
    def asked(self) -> Node:
        """The same in short: for queries."""
        return implying(self._unfiltered, ACTING) if self.derives else self._unfiltered

    @cached_property
    def selections(self) -> Mapping[str, Node]:
        """The same of each selection."""
        return {name: implying(node, ACTING) for name, node in self.nodes.items()} if self.derives else self.nodes

    @cached_property
    def holds(self) -> Holds:
        """Whether an event satisfies the condition."""
        own = compiled(cheapest_first(self._unfiltered, MADE if self.needs_action else UNMADE))
        if not self.silenced:
            return own
        raw, silenced = self.source.raw, _shared_all(self.silenced)
        return lambda get, event: own(get, event) and silenced.holds(get, event, raw)

    @cached_property
    def _tests(self) -> dict[str, Holds]:
        return {name: compiled(node) for name, node in self.nodes.items()}

    def test(self, name: str) -> Holds:
        """Whether an event satisfies a selection."""
        return self._tests[name]

    def getter(self, event: Event) -> Get:
        """How the rule sees the fields of an event."""
        get = event.get_raw if self.source.raw else event.get
        return seeing(event, get) if self.derives else get

    def fires(self, event: Event) -> bool:
        """Whether the rule fires on an event. Raises TimeoutError (pattern.Pattern)."""
        return Verdict(self, event).fires

    def signals(self, event: Event, *, unmatched: bool = False) -> list[Signal]:
        """What each selection that matched saw; with `unmatched`, those that did not as well, and the negated ones."""
        get, found = self.getter(event), list[Signal]()
        names = [name for name in self.nodes if not name.startswith(PREFIX)] if unmatched else self.shown
        for name in names:
            node, weight = self.nodes[name], self.weights.get(name, 0)
            seen = evidence(node, get, event)
            if seen is None:
                if unmatched:
                    found.append(Signal(name, next(fields(node), ""), weight=weight, event=event.id))
                continue
            # What a derived field says stands nowhere in the event.
            places = [
                (each.field, each.place.text[:_LONGEST], None if each.field in DERIVED else each.place.start)
                for each in seen
            ]
            places = places or [(next(fields(node), ""), "", None)]
            for position, (field, text, start) in enumerate(places):
                found.append(Signal(name, field, text, start, 0 if position else weight, event.id))
        return found


class Verdict:
    """What a rule says of one event; each selection is evaluated once at most."""

    __slots__ = ("_seen", "event", "get", "rule")

    def __init__(self, rule: Rule, event: Event) -> None:
        self.rule = rule
        self.event = event
        self.get = rule.getter(event)
        self._seen: dict[str, bool] = {}

    def selected(self, name: str) -> bool:
        """Whether a selection matches. Raises TimeoutError (pattern.Pattern)."""
        found = self._seen.get(name)
        if found is None:
            found = self._seen[name] = self.rule.test(name)(self.get, self.event)
        return found

    def holds(self, condition: Node) -> bool:
        """Whether a condition over selections holds."""
        match condition:
            case Selection(name):
                return self.selected(name)
            case Not(part):
                return not self.holds(part)
            case All(parts):
                return all(self.holds(part) for part in parts)
            case Any(parts):
                return any(self.holds(part) for part in parts)
        return compiled(condition)(self.get, self.event)

    @property
    def condition(self) -> bool:
        """Whether Sigma's condition holds, whatever the score."""
        if self.rule.threshold is None:
            return self.rule.holds(self.get, self.event)
        return self.holds(self.rule.condition)  # the score asks for the same selections

    @property
    def score(self) -> int | None:
        """The sum of the weights of the selections that match; None for a rule without scoring."""
        if self.rule.threshold is None:
            return None
        return sum(weight for name, weight in self.rule.weights.items() if self.selected(name))

    @property
    def fires(self) -> bool:
        """Whether the condition holds and the score reaches the threshold."""
        return self.condition and (self.rule.threshold is None or (self.score or 0) >= self.rule.threshold)

    @property
    def info(self) -> RuleInfo:
        """The rule's, with the level that this event has: `graver` and `milder` of its `exfilwatch:` block."""
        info, steps = self.rule.info, sum(step for step, when in self.rule.shifts if self.holds(when))
        return msgspec.structs.replace(info, level=shifted(info.level, steps)) if steps else info

    def fired(self, branch: str = "") -> Fired:
        """The event as the output sources see it; `branch` of a correlation, else the rule's own."""
        return Fired(self.event, self.get, self.holds, self.score, branch or self.rule.info.branch)

    def detection(self) -> Detection:
        """The detection for an event on which the rule fires."""
        fired = self.fired()
        shown: dict[str, Value] = reported(self.rule.outputs, {"": fired})
        return Detection(self.info, [self.event], self.rule.signals(self.event), shown, fired.score)


class Correlation:
    """One Sigma correlation. `references` maps the names that its fields use to ids of members."""

    def __init__(
        self, info: RuleInfo, plan: CorrelationPlan, outputs: list[Output], references: Mapping[str, str]
    ) -> None:
        self.info = info
        self.id = plan.rule
        self.plan = plan
        self.outputs = outputs
        self.references = references
        self.emits = True


class RuleSet:
    """Rules and correlations that belong together; correlations come after those that they refer to."""

    def __init__(self, rules: list[Rule], correlations: list[Correlation], filters: Sequence[FilterInfo] = ()) -> None:
        self.filters = tuple(filters)
        self.rules = tuple(rules)
        self.correlations = tuple(correlations)
        self.by_id = {rule.id: rule for rule in rules}

    def has_outlived_a_filter(self, now: datetime) -> bool:
        """Whether a filter that hides something for a while has ended since they were loaded."""
        return any(each.until and not each.ended and each.until <= now for each in self.filters)

    @property
    def asks_for_trees(self) -> bool:
        """Whether some correlation asks for process trees."""
        return any(correlation.plan.tree for correlation in self.correlations)

    @property
    def idle(self) -> list[Rule]:
        """Rules whose log source no field map makes: they fire only on records that name it themselves."""
        return [rule for rule in self.rules if not rule.source.made()]

    @property
    def infos(self) -> tuple[RuleInfo, ...]:
        """Of the rules and correlations that give findings."""
        emitting: list[Rule | Correlation] = [*self.rules, *self.correlations]
        return tuple(rule.info for rule in emitting if rule.emits)
