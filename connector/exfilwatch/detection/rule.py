"""A rule ready to be evaluated: on an event it says yes or no, its score, and why."""

from collections.abc import Mapping
from functools import cached_property

from exfilwatch.detection.condition import Get, Holds, Node, compiled, evidence, fields, selections
from exfilwatch.detection.correlation_plan import CorrelationPlan
from exfilwatch.detection.detection import Detection, RuleInfo, Signal
from exfilwatch.detection.extension import Score
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.output import Fired, Output, reported
from exfilwatch.events.event import Event, Value

_LONGEST = 2000
"""Characters of a matched text that a signal keeps."""


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
    ) -> None:
        self.info = info
        self.id = info.id
        self.source = source
        self.condition = condition
        self.nodes = nodes
        self.outputs = outputs
        self.weights: dict[str, int] = dict(score.weights) if score else {}
        self.threshold = score.threshold if score else None
        self.emits = True
        positive = [name for name, to_be_met in selections(condition) if to_be_met]
        self.shown = [name for name in dict.fromkeys([*positive, *self.weights]) if not name.startswith("_filt_")]
        self.get = Event.get_raw if source.raw else Event.get

    @cached_property
    def _holds(self) -> Holds:
        return compiled(self.condition)

    @cached_property
    def _weighed(self) -> list[tuple[Holds, int]]:
        return [(compiled(self.nodes[name]), weight) for name, weight in self.weights.items()]

    def getter(self, event: Event) -> Get:
        """How the rule sees the fields of an event."""
        return event.get_raw if self.source.raw else event.get

    def condition_holds(self, event: Event) -> bool:
        """Whether Sigma's condition holds, whatever the score. Raises TimeoutError (values.Pattern)."""
        return self._holds(self.getter(event), event)

    def score(self, event: Event) -> int | None:
        """The sum of the weights of the selections that match; None for a rule without scoring."""
        if self.threshold is None:
            return None
        get = self.getter(event)
        return sum(weight for holds, weight in self._weighed if holds(get, event))

    def fires(self, event: Event) -> bool:
        """Whether the condition holds and the score reaches the threshold. Raises TimeoutError (values.Pattern)."""
        if not self.condition_holds(event):
            return False
        return self.threshold is None or (self.score(event) or 0) >= self.threshold

    def signals(self, event: Event, *, unmatched: bool = False) -> list[Signal]:
        """What each selection that matched saw; with `unmatched`, those that did not as well, and the negated ones."""
        get, found = self.getter(event), list[Signal]()
        names = [name for name in self.nodes if not name.startswith("_filt_")] if unmatched else self.shown
        for name in names:
            node, weight = self.nodes[name], self.weights.get(name, 0)
            seen = evidence(node, get, event)
            if seen is None:
                if unmatched:
                    found.append(Signal(name, next(fields(node), ""), weight=weight, event=event.id))
                continue
            first = next(fields(node), "")
            places = [(each.field, each.place.text[:_LONGEST], each.place.start) for each in seen] or [
                (first, "", None)
            ]
            for position, (field, text, start) in enumerate(places):
                found.append(Signal(name, field, text, start, 0 if position else weight, event.id))
        return found

    def fired(self, event: Event) -> Fired:
        """The event as the output sources see it."""
        return Fired(event, self.getter(event), self.score(event), self.info.branch)

    def detection(self, event: Event) -> Detection:
        """The detection for an event on which the rule fires."""
        fired = self.fired(event)
        shown: dict[str, Value] = reported(self.outputs, {"": fired})
        return Detection(self.info, [event], self.signals(event), shown, fired.score)


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

    def __init__(self, rules: list[Rule], correlations: list[Correlation]) -> None:
        self.rules = tuple(rules)
        self.correlations = tuple(correlations)
        self.by_id = {rule.id: rule for rule in rules}

    @property
    def infos(self) -> tuple[RuleInfo, ...]:
        """Of the rules and correlations that give findings."""
        emitting: list[Rule | Correlation] = [*self.rules, *self.correlations]
        return tuple(rule.info for rule in emitting if rule.emits)
