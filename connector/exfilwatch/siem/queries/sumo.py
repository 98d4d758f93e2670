"""Rules in Sumo Logic's search language."""

from collections.abc import Sequence

from exfilwatch.detection.rule import Rule


def condition(rules: Sequence[Rule]) -> str:  # noqa: ARG001 until it is written
    """Operators (`| json ... | where ...`), to stand after a search's scope.

    They keep every message on which one of `rules` fires; "" keeps all.
    """
    return ""


def score(rule: Rule) -> str:  # noqa: ARG001 until it is written
    """Operators, to stand after `condition([rule])`, that leave what reaches the rule's threshold; "" without one."""
    return ""
