"""Regular expressions as tests: by RE2 where it can, else by the regex package under a time limit."""

from typing import Any

import re2

from exfilwatch.detection.linear import compiled, searched
from exfilwatch.detection.values import OfScalar, Place, Screen, text_of
from exfilwatch.events.event import Value

TIMEOUT = 0.25
"""Seconds that an expression which RE2 can't run may take on one value; then TimeoutError."""
_PATIENCE = 8
"""How often an expression may take so long in one run; after that it is not tried again."""


class Pattern(OfScalar):
    """A regular expression that is searched for anywhere in the value, by RE2 where it can, else under a time limit."""

    def __init__(self, expression: str, flags: str = "") -> None:
        if "m" not in flags and "(?" not in expression:
            expression = _before_last_line_end(expression)
        self.expression = f"(?{flags}){expression}" if flags else expression
        self.linear = True
        self._given_up = 0
        try:
            self._search = compiled(self.expression)
        except re2.error:
            import regex  # rarely needed, and slow to import

            self.linear = False
            slow = regex.compile(self.expression, regex.V0)
            self._search = lambda text: self._limited(slow, text)

    def _limited(self, slow: Any, text: str) -> Any:
        """Raises TimeoutError; of an expression that often takes too long, at once."""
        if self._given_up >= _PATIENCE:
            raise TimeoutError
        try:
            return slow.search(text, timeout=TIMEOUT, concurrent=True)
        except TimeoutError:
            self._given_up += 1
            raise

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        found = None if text is None else searched(self._search, text)
        return Place(found[0], found.start()) if found else None

    def screen(self) -> Screen | None:
        """One that ignores case finds the same in lower-cased ASCII, unless a part of it says otherwise."""
        folds = self.expression.startswith("(?i") and "(?-" not in self.expression and "-i" not in self.expression
        return Screen(self.expression, cased=not folds) if self.linear else None


def _before_last_line_end(expression: str) -> str:
    """In Sigma's expressions (PCRE) `$` also stands before a line end that is the last character; not so in RE2."""
    parts: list[str] = []
    escaped = in_class = False
    for position, char in enumerate(expression):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif in_class:
            in_class = char != "]" or expression[position - 1] == "[" or expression[position - 2 : position] == "[^"
        elif char == "[":
            in_class = True
        elif char == "$":
            parts.append("(?:\\n?$)")
            continue
        parts.append(char)
    return "".join(parts)
