"""Rules in Splunk's search language."""

from collections.abc import Sequence

from exfilwatch.detection.rule import Rule


def condition(rules: Sequence[Rule]) -> str:  # noqa: ARG001 until it is written
    """An expression for `| where` that is true of every event on which one of `rules` fires."""
    return "true()"


def score(rule: Rule) -> str:  # noqa: ARG001 until it is written
    """Commands (`| eval ... | where ...`), to stand after `| where condition([rule])`.

    They leave what reaches the rule's threshold; "" for a rule without a score.
    """
    return ""
