"""Rows that are told to be of no interest to groups of rules by a few of their short values, which are remembered."""

from collections.abc import Callable, Sequence
from typing import Any

from exfilwatch.events.typed import Row

MOST = 8
"""Groups that there may be: each has a bit."""
_CACHED = 50_000
_TRIED = 20_000
"""Rows after which it is looked at whether most pass: then it tells nothing worth its time."""


class Sieve:
    """`values` are what rows are known by; `passes` says of a row which of the groups it may be of interest to."""

    def __init__(self, values: Callable[[Row], Any], groups: int, passes: Callable[[Row], Sequence[bool]]) -> None:
        self._values = values
        self._passes = passes
        self._known: dict[Any, int] = {}
        self._rows = self._passed = 0
        self._tables = [bytes(number >> group & 1 for number in range(256)) for group in range(groups)]

    def passing(self, rows: Sequence[Row]) -> list[bytes] | None:
        """For each group: of each row whether it may be of interest, as 1 or 0; None where most rows are."""
        if self._rows >= _TRIED and self._passed * 2 > self._rows:
            return None
        keys = list(map(self._values, rows))
        try:
            bits = bytes(map(self._known.__getitem__, keys))
        except KeyError:
            self._learn(keys, rows)
            bits = bytes(map(self._known.__getitem__, keys))
        self._rows += len(bits)
        self._passed += len(bits) - bits.count(0)
        return [bits.translate(table) for table in self._tables]

    def _learn(self, keys: Sequence[Any], rows: Sequence[Row]) -> None:
        if len(self._known) >= _CACHED:
            self._known.clear()
        for key, row in zip(keys, rows, strict=True):
            if key not in self._known:
                self._known[key] = sum(passes << group for group, passes in enumerate(self._passes(row)))
