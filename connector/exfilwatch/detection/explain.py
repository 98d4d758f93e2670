"""Why an event fired or nearly fired: every selection of every rule that looks at such events, matched or not."""

import msgspec

from exfilwatch.detection.detection import RuleInfo, Signal
from exfilwatch.detection.logsource import key_of
from exfilwatch.detection.rule import Rule, RuleSet, Verdict
from exfilwatch.events.event import Event


class RuleExplanation(msgspec.Struct, frozen=True):
    """One rule on one event. `condition` is Sigma's, `fired` asks for the score as well (None: no scoring). Where it
    fired, the level in `rule` is the one that this event has.
    """

    rule: RuleInfo
    fired: bool
    condition: bool
    score: int | None
    threshold: int | None
    signals: list[Signal]

    @property
    def near(self) -> bool:
        """Whether some selection matched."""
        return any(signal.matched is not None for signal in self.signals)


class Explanation(msgspec.Struct, frozen=True):
    """What each rule whose log source fits says of an event."""

    event: Event
    rules: list[RuleExplanation]


def explain(rules: RuleSet, event: Event) -> Explanation:
    """Explain one event; members of correlations are explained as the rules that they are."""
    key = key_of(event)
    return Explanation(event, [_explained(rule, event) for rule in rules.rules if rule.source.fits(*key)])


def _explained(rule: Rule, event: Event) -> RuleExplanation:
    verdict = Verdict(rule, event)
    info = rule.info
    try:
        condition, fired, score = verdict.condition, verdict.fires, verdict.score
        info = verdict.info if fired else info
        signals = rule.signals(event, unmatched=True)
    except TimeoutError:  # an expression that takes too long on this event: it counts as no match
        condition, fired, score, signals = False, False, None, []
    return RuleExplanation(info, fired, condition, score, rule.threshold, signals)
