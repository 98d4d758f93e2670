"""Conditions of `if`, as far as they can be told."""

import re

from exfilwatch.commands.shells.cmd.scope import Scope

IF = re.compile(
    r"""
    if[\s,;=]+(?P<options>(?:/i\s+|not\s+)*)
    (?: (?:exist|defined|errorlevel|cmdextversion)\s+(?:"[^"]*"|[^\s"()]+)\s*
      | (?P<left>(?:"[^"\n]*+"|[^\s"=()&|])*+)\s*(?:==|\s(?P<how>equ|neq|lss|leq|gtr|geq)\s)\s*
        (?P<right>"[^"\n]*+"|[^\s"()&|]++)
    )[\s,;=]*""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(r"-?\d{1,9}")


def holds(condition: "re.Match[str]", scope: Scope) -> bool | None:
    """Whether an `if` of two known values holds."""
    left, right = condition["left"], condition["right"]
    if left is None or right is None:
        return None
    left, right = (scope.expanded(side) if "%" in side or "!" in side else side for side in (left, right))
    if any(mark in left + right for mark in "%!$"):
        return None
    options = condition["options"].lower()
    if "/i" in options:
        left, right = left.lower(), right.lower()
    how = (condition["how"] or "==").lower()
    order = (left > right) - (left < right)
    if how != "==" and _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        order = (int(left) > int(right)) - (int(left) < int(right))
    outcome = {
        "==": order == 0,
        "equ": order == 0,
        "neq": order != 0,
        "lss": order < 0,
        "leq": order <= 0,
        "gtr": order > 0,
        "geq": order >= 0,
    }
    return outcome[how] != ("not" in options)
