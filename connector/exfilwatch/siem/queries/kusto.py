"""Rules in the Kusto query language, for the tables of Microsoft Sentinel and Defender XDR."""

from collections.abc import Sequence

from exfilwatch.detection.rule import Rule


def condition(rules: Sequence[Rule], table: str) -> str | None:  # noqa: ARG001 until it is written
    """An expression for `| where` that is true of every row of `table` on which one of `rules` fires.

    None: none of the rules looks at what this table holds.
    """
    return "true"


def score(rule: Rule, table: str) -> str:  # noqa: ARG001 until it is written
    """Operators (`| extend ... | where ...`), to stand after `| where condition([rule], table)`.

    They leave what reaches the rule's threshold; "" for a rule without a score.
    """
    return ""
