"""What went wrong while reading, and what was read: each kind shown once, with its first places and a count."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from exfilwatch.events.event import Origin

KINDS = 200
PLACES = 5
SAMPLE_KEYS = 24
_LONGEST_KEY = 48
_LONGEST_DETAIL = 300


class Problem(msgspec.Struct):
    """One kind of problem: `places` are the first few, each in another source; `detail` belongs to the first."""

    why: str
    detail: str
    places: list[Origin]
    count: int = 0

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        more = f" [{self.count:,} times]" if self.count > 1 else ""
        others = f"; also {', '.join(map(str, self.places[1:]))}" if len(self.places) > 1 else ""
        return f"{self.places[0]}: {self.why}{detail}{more}{others}"


class UnknownShape(msgspec.Struct):
    """Records that no field map knows and that share their keys; `keys` is a sample of these, `first` the first one."""

    keys: tuple[str, ...]
    first: Origin
    count: int = 0

    def __str__(self) -> str:
        records = f"{self.count:,} record{'' if self.count == 1 else 's'}"
        return f"{self.first}: unknown shape [{records}], keys: {', '.join(self.keys) or 'none'}"


class Report:
    """Counts and problems of one run, in bounded memory (`KINDS` kinds; what exceeds them is counted as one more)."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.had_errors = False
        self._problems: dict[str, Problem] = {}
        self._unknown: dict[frozenset[str], UnknownShape] = {}

    def read(self, shape: str, count: int = 1) -> None:
        """Count records that became events, by the name of their shape."""
        self.events[shape] += count

    def unreadable(self, origin: Origin, why: str, detail: str = "") -> None:
        """A record, a file or a part of it could not be read and is lost. `why` is the kind, without variable parts."""
        self.had_errors = True
        self.problem(origin, why, detail)

    def problem(self, origin: Origin, why: str, detail: str = "") -> None:
        """Something the user should know that lost no input."""
        found = self._problems.get(why)
        if found is None:
            why = why if len(self._problems) < KINDS else "further kinds of problems"
            found = self._problems.setdefault(why, Problem(why, printable(detail, _LONGEST_DETAIL), []))
        found.count += 1
        if len(found.places) < PLACES and all(place.source != origin.source for place in found.places):
            found.places.append(origin)

    def unknown(self, origin: Origin, keys: Iterable[str]) -> None:
        """A record that was read and is of no known shape; `keys` are its top-level keys."""
        names = frozenset(keys)
        found = self._unknown.get(names)
        if found is None:
            if len(self._unknown) >= KINDS:
                names = frozenset({"(further sets of keys)"})
            sample = tuple(printable(key, _LONGEST_KEY) for key in sorted(names)[:SAMPLE_KEYS])
            found = self._unknown.setdefault(names, UnknownShape(sample, origin))
        found.count += 1

    @property
    def problems(self) -> list[Problem]:
        """The problems, in the order in which they were first seen."""
        return list(self._problems.values())

    @property
    def unknown_shapes(self) -> list[UnknownShape]:
        """The unknown shapes, the most frequent first."""
        return sorted(self._unknown.values(), key=lambda shape: -shape.count)

    @property
    def unknown_count(self) -> int:
        """How many records were of no known shape."""
        return sum(shape.count for shape in self._unknown.values())


def printable(text: str, longest: int) -> str:
    """Hostile text fit for a terminal: control and formatting characters escaped, at most `longest` characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)
