"""Expressions of the catalogue: RE2's syntax, in linear time on long texts, quick on short ones."""

import re
from collections.abc import Iterator
from functools import lru_cache

import re2

_SHORT = 200
"""Characters up to which Python's own engine runs: RE2 costs 15 microseconds a call, whatever the text."""


class Expression:
    """One expression, without regard to case unless it begins with `(?-i)`. Raises re2.error."""

    def __init__(self, text: str) -> None:
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = text.startswith("(?-i)")
        plain = text.removeprefix("(?-i)")
        self._long = re2.compile(plain, options)
        self._short = re.compile(plain, re.ASCII | (0 if options.case_sensitive else re.IGNORECASE))
        self.named = "is" in self._short.groupindex

    def search(self, text: str) -> bool:
        """Whether it is found somewhere in a text."""
        return bool((self._short if len(text) <= _SHORT else self._long).search(text))

    def found(self, text: str) -> Iterator[str]:
        """Each place where it is found: its group `is`, where it has one, else all of it."""
        for match in (self._short if len(text) <= _SHORT else self._long).finditer(text):
            yield (match["is"] if self.named else match[0]) or ""


@lru_cache(None)
def expression(text: str) -> Expression:
    """An expression, compiled once. Raises re2.error or re.error."""
    return Expression(text)
