"""Blocks of records as typed rows: which decoder fits each line, learned as they come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.fast import EVTX, FastRows, fast_rows
from exfilwatch.events.blocks import Block
from exfilwatch.events.event import Value
from exfilwatch.events.evtx import EvtxBlock
from exfilwatch.events.form import Untyped
from exfilwatch.events.report import Report
from exfilwatch.events.shape import recognise
from exfilwatch.events.typed import Row

_MOST_FORMS = 24
_MOST_TRIED = 200
_DIGITS = 6
FAILURES = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Typed(NamedTuple):
    """Rows of a block that one decoder took; `line` gives the position of a row's line in the block."""

    fast: FastRows
    rows: Sequence[Row]
    line: Callable[[int], int]


class Sorted(NamedTuple):
    """A block's lines: those taken by decoders, positions of the others, and how many of a shape were passed over."""

    typed: list[Typed]
    others: list[int]
    passed: Mapping[str, int] = {}


class Decoders:
    """The decoders known so far, the one used last first."""

    def __init__(self, evaluator: Evaluator, lazy: Sequence[frozenset[str]]) -> None:
        """`lazy`: groups of rules whose hits are only asked for near those of others."""
        self._evaluator = evaluator
        self._lazy = lazy
        self._known: list[FastRows] = []
        self._tried: set[tuple[str, frozenset[tuple[str, ...]]]] = set()
        self.skim = _Skim(self._known)

    def sort(self, block: Block) -> Sorted:
        """The block's lines as rows, as far as decoders take them."""
        data = block.data
        whole = self._whole(block, data) if data is not None and data[:1] == b"{" else None
        if whole is not None:
            return whole
        if not isinstance(block, EvtxBlock):
            return self._each(block.lines())
        positions, texts = block.wanted()
        typed, others, _ = self._together(texts) or self._each(texts)
        return Sorted(
            [Typed(each.fast, each.rows, _through(positions, each.line)) for each in typed],
            [positions[at] for at in others],
            {EVTX: block.ends - len(positions)},
        )

    def sift(self, block: Block, report: Report) -> tuple[list[Typed], list[int]]:
        """The rows of a block, and in order the positions of lines that need a full look: a rule may fire on them, or
        they are no such rows. What needs none is counted as read.
        """
        typed, others, passed = self.sort(block)
        for shape, count in passed.items():
            report.read(shape, count)
        wanted = list(others)
        for each in typed:
            candidates = set(map(each.line, each.fast.candidates(each.rows)))
            if spoken := each.fast.spoken(block):
                candidates |= set(spoken).intersection(map(each.line, range(len(each.rows))))
            report.read(each.fast.shape.name, len(each.rows) - len(candidates))
            wanted += candidates
        return typed, sorted(wanted)

    def _whole(self, block: Block, data: bytes) -> Sorted | None:
        if not self._known and not self._learn(data[: data.find(b"\n") + 1 or len(data)]):
            return None
        fast = self._known[0]
        try:
            rows = fast.decode_lines(data)
        except FAILURES:
            return None
        return Sorted([Typed(fast, rows, _Lines(block, len(rows)))], [])

    def _together(self, texts: Sequence[str]) -> Sorted | None:
        """Texts that the decoder used last takes all of."""
        if not self._known:
            return None
        fast = self._known[0]
        try:
            rows = list(map(fast.decode, texts))
        except FAILURES:
            return None
        return Sorted([Typed(fast, rows, range(len(rows)).__getitem__)] if rows else [], [])

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
            except FAILURES:
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
        except FAILURES:
            return False
        shape = recognise(record) if isinstance(record, dict) else None
        if shape is None or (form := (shape.name, frozenset(_members(record, 3)))) in self._tried:
            return False
        self._tried.add(form)
        try:
            self._known.insert(0, fast_rows(shape, record, self._evaluator, self._lazy))
        except Untyped:
            return False
        return True


class _Skim(dict[str, bool]):
    """By the number of an event in an EVTX file, as it stands there: whether some rule may look at such records."""

    def __init__(self, known: Sequence[FastRows]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, number: str) -> bool:
        fast = next((each for each in self._known if each.shape.name == EVTX), None)
        if fast is None or not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
            return True
        self[number] = fast.is_asked(number)
        return self[number]


def _through(positions: Sequence[int], line: Callable[[int], int]) -> Callable[[int], int]:
    """The line of a row among lines that were chosen before."""
    return lambda row: positions[line(row)]


def _members(record: Value, depth: int) -> Iterator[tuple[str, ...]]:
    """The members of a record down to a depth: what makes its form."""
    if isinstance(record, dict) and depth:
        for name, value in record.items():
            yield (name,)
            yield from ((name, *inner) for inner in _members(value, depth - 1))


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
