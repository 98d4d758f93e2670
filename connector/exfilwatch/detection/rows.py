"""Blocks of records as typed rows: which decoder fits each line, learned as they come."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.fast import FastRows
from exfilwatch.events.blocks import Block
from exfilwatch.events.shape import recognise
from exfilwatch.events.typed import Row, Untyped

_MOST_FORMS = 24
_MOST_TRIED = 200
_FAILURES = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Typed(NamedTuple):
    """Rows of a block that one decoder took; `line` gives the position of a row's line in the block."""

    fast: FastRows
    rows: Sequence[Row]
    line: Callable[[int], int]


class Sorted(NamedTuple):
    """A block's lines: those that were taken by decoders, and the positions of the others."""

    typed: list[Typed]
    others: list[int]


class Decoders:
    """The decoders known so far, the one used last first."""

    def __init__(self, evaluator: Evaluator, lazy: frozenset[str]) -> None:
        self._evaluator = evaluator
        self._lazy = lazy
        self._known: list[FastRows] = []
        self._tried: set[tuple[str, frozenset[str]]] = set()

    def sort(self, block: Block) -> Sorted:
        """The block's lines as rows, as far as decoders take them."""
        data = block.data
        whole = self._whole(block, data) if data is not None and data[:1] == b"{" else None
        return self._each(block.lines()) if whole is None else whole

    def _whole(self, block: Block, data: bytes) -> Sorted | None:
        if not self._known and not self._learn(data[: data.find(b"\n") + 1 or len(data)]):
            return None
        fast = self._known[0]
        try:
            rows = fast.decode_lines(data)
        except _FAILURES:
            return None
        return Sorted([Typed(fast, rows, _Lines(block, len(rows)))], [])

    def _each(self, lines: Sequence[bytes | str]) -> Sorted:
        found: dict[int, tuple[FastRows, list[Row], list[int]]] = {}
        others: list[int] = []
        for at, line in enumerate(lines):
            if line[:1] not in (b"{", "{"):
                if line and not line.isspace():
                    others.append(at)
                continue
            taken = self._taken(line)
            if taken is None and self._learn(line):
                taken = self._taken(line)
            if taken is None:
                others.append(at)
                continue
            fast, row = taken
            _, rows, places = found.setdefault(id(fast), (fast, [], []))
            rows.append(row)
            places.append(at)
        return Sorted([Typed(fast, rows, places.__getitem__) for fast, rows, places in found.values()], others)

    def _taken(self, line: bytes | str) -> tuple[FastRows, Row] | None:
        for position, fast in enumerate(self._known):
            try:
                row = fast.decode(line)
            except _FAILURES:
                continue
            if position:
                self._known.insert(0, self._known.pop(position))
            return fast, row
        return None

    def _learn(self, line: bytes | str) -> bool:
        """Make a decoder for lines like this one; False when there can be none, or enough were made."""
        if len(self._known) >= _MOST_FORMS or len(self._tried) >= _MOST_TRIED:
            return False
        try:
            record = msgspec.json.decode(line)
        except _FAILURES:
            return False
        shape = recognise(record) if isinstance(record, dict) else None
        if shape is None or (shape.name, frozenset(record)) in self._tried:
            return False
        self._tried.add((shape.name, frozenset(record)))
        try:
            self._known.insert(0, FastRows(shape, record, self._evaluator, self._lazy))
        except Untyped:
            return False
        return True


class _Lines:
    """Finds the line of a row, where blank lines may stand between: only looked for when somebody asks."""

    def __init__(self, block: Block, count: int) -> None:
        self._block = block
        self._count = count
        self._places: Sequence[int] | None = None

    def __call__(self, row: int) -> int:
        if self._count == self._block.ends or (self._count == self._block.ends + 1 and self._places is None):
            return row
        if self._places is None:
            lines = self._block.lines()
            self._places = [at for at, line in enumerate(lines) if line.strip()]
        return self._places[row]
