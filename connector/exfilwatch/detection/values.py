"""Tests of one value: how Sigma compares texts, numbers, patterns, networks and times with what an event holds.

Texts compare without regard to case as `str.lower` does (the Kelvin sign is k, a long s is no s) unless they are
`cased`. A value that is a list satisfies a test when one of its elements does; an absent one satisfies `Null` and
`Exists(False)` only. Numbers compare by value, whether the event has 443, 443.0, "443" or "0x1bb".
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias

import re2

from exfilwatch.detection.correlation_condition import COMPARE, Operator, number
from exfilwatch.detection.linear import compiled, searched
from exfilwatch.events.event import Value
from exfilwatch.events.timestamps import micros, to_datetime

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_LONGEST_ADDRESS = 100
"""Characters of a text up to which the address that it is is remembered."""
_NEVER = "[^\\x00-\\x7f]"  # in ASCII text


class Wild(Enum):
    """The wildcards, as the expressions that they are."""

    ANY = ".*?"
    ONE = "."


Part: TypeAlias = str | Wild


class Place(NamedTuple):
    """What of a value satisfied a test: the text, and its 0-based offset (None: the value has no text positions)."""

    text: str
    start: int | None


class Screen(NamedTuple):
    """An RE2 expression that finds all that the test does, in the lower-cased or (`cased`) the plain ASCII text."""

    expression: str
    cased: bool


class Test(Protocol):
    """A test of one value."""

    def holds(self, value: Value) -> bool:
        """Whether the value satisfies the test. Raises TimeoutError (pattern.Pattern only)."""

    def place(self, value: Value) -> Place | None:
        """What satisfied it; None when nothing did."""

    def screen(self) -> Screen | None:
        """A linear-time stand-in that misses nothing on ASCII text; None when there is none."""


def text_of(value: Value) -> str | None:
    """A scalar as text (true, 443, 4.5); None for what is absent or no scalar."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def scalars(value: Value) -> Iterator[Value]:
    """The value, or its elements."""
    if isinstance(value, list):
        for element in value:
            yield from scalars(element)
    elif value is not None and not isinstance(value, dict):
        yield value


class Shown:
    """Says what it asks for, and the same in any process: rules are told apart by it (polling/state.py)."""

    def __repr__(self) -> str:
        said = (f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({', '.join(said)})"


class OfScalar(Shown):
    """A test of a scalar, extended to lists: the first element that satisfies it counts."""

    def holds(self, value: Value) -> bool:
        if isinstance(value, list):
            return any(self._place(element) is not None for element in scalars(value))
        return self._place(value) is not None

    def place(self, value: Value) -> Place | None:
        return next((place for each in scalars(value) if (place := self._place(each)) is not None), None)

    def screen(self) -> Screen | None:
        return None

    def _place(self, value: Value) -> Place | None:
        raise NotImplementedError


class Text(OfScalar):
    """A text with wildcards: of `parts`, ANY stands for any text, ONE for one character.

    `plain` is the text between open ends when no wildcard stands inside it, else None.
    """

    def __init__(self, parts: Sequence[Part], cased: bool) -> None:
        self.cased = cased
        self.parts = tuple(part if cased or isinstance(part, Wild) else part.lower() for part in parts)
        inner, self.open_start, self.open_end = list(self.parts), False, False
        while inner and inner[0] is Wild.ANY:
            del inner[0]
            self.open_start = True
        while inner and inner[-1] is Wild.ANY:
            del inner[-1]
            self.open_end = True
        plain = [part for part in inner if isinstance(part, str)]
        self.plain = "".join(plain) if len(plain) == len(inner) else None
        self._ascii = all(part.isascii() for part in plain)
        middle = "".join(re2.escape(part) if isinstance(part, str) else part.value for part in inner)
        if not inner and (self.open_start or self.open_end):
            self.open_start = self.open_end = True
        self.expression = f"(?s){'' if self.open_start else '^'}{middle}{'' if self.open_end else '$'}"

    @cached_property
    def _search(self) -> Callable[[str], Any]:
        return compiled(self.expression)

    def holds(self, value: Value) -> bool:
        if self.plain is None or not isinstance(value, str):
            return super().holds(value)
        seen = value if self.cased else value.lower()
        if self.open_start:
            return self.plain in seen if self.open_end else seen.endswith(self.plain)
        return seen.startswith(self.plain) if self.open_end else seen == self.plain

    def _place(self, value: Value) -> Place | None:
        seen = text_of(value)
        if seen is None:
            return None
        compared = seen if self.cased else seen.lower()
        if self.plain is None:
            found = searched(self._search, compared)
            start, length = (found.start(), len(found[0])) if found else (-1, 0)
        elif self.holds(seen):
            length = len(self.plain)
            ends = self.open_start and not self.open_end
            start = len(compared) - length if ends else compared.find(self.plain)
        else:
            start = -1
        if start < 0:
            return None
        if len(compared) != len(seen):  # a letter that becomes two in lower case: no offset is right for both
            return Place(seen, None)
        return Place(seen[start : start + length], start)

    def screen(self) -> Screen | None:
        return Screen(self.expression if self._ascii else _NEVER, self.cased)


class OneOf(OfScalar):
    """Several texts without wildcards inside, of which one is enough: looked for together, since lists are long."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self.texts = tuple(texts)
        self.cased = texts[0].cased
        self._equal: dict[str, Text] = {}
        self._starts: dict[str, Text] = {}
        self._ends: dict[str, Text] = {}
        self._within: dict[str, Text] = {}
        for text in texts:
            found, where = text.plain, (self._equal, self._starts, self._ends, self._within)
            assert found is not None
            where[text.open_start * 2 + text.open_end].setdefault(found, text)
        self._heads, self._tails, self._parts = tuple(self._starts), tuple(self._ends), tuple(self._within)

    def holds(self, value: Value) -> bool:
        if not isinstance(value, str):
            return super().holds(value)
        seen = value if self.cased else value.lower()
        return (
            seen in self._equal
            or seen.endswith(self._tails)
            or seen.startswith(self._heads)
            or any(part in seen for part in self._parts)
        )

    def _place(self, value: Value) -> Place | None:
        seen = text_of(value)
        if seen is None or not self.holds(seen):
            return None
        return next((place for text in self.texts if (place := text.place(seen)) is not None), None)

    def screen(self) -> Screen | None:
        parts = [text.screen() for text in self.texts]
        return Screen("|".join(f"(?:{part.expression})" for part in parts if part), self.cased)


class Number(OfScalar):
    """Equal as a number."""

    def __init__(self, wanted: float) -> None:
        self.wanted = number(wanted)

    def _place(self, value: Value) -> Place | None:
        return Place(text_of(value) or "", None) if number(value) == self.wanted is not None else None


class Boolean(OfScalar):
    """true or false, as a boolean or as a word."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = "true" if wanted else "false"

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        return Place(text, None) if text is not None and text.lower() == self.wanted else None


class Compare(OfScalar):
    """Less than, greater than, or not equal to a number; what is no number is neither."""

    def __init__(self, op: Operator, limit: float) -> None:
        found = number(limit)
        assert found is not None
        self.op, self.limit = op, found

    def _place(self, value: Value) -> Place | None:
        seen = number(value)
        return Place(text_of(value) or "", None) if seen is not None and COMPARE[self.op](seen, self.limit) else None


class Cidr(OfScalar):
    """An address of a network. An IPv4 address that is written as IPv6 (::ffff:10.0.0.1) is that IPv4 address."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._version, self._mask = network.version, int(network.netmask)
        self._first = int(network.network_address)

    def holds(self, value: Value) -> bool:
        return self._has(value) if isinstance(value, str) else super().holds(value)

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        return Place(text, None) if text is not None and self._has(text) else None

    def _has(self, text: str) -> bool:
        read = _addresses if len(text) <= _LONGEST_ADDRESS else _addresses.__wrapped__
        for version, address in read(text):  # noqa: SIM110 - asked for each connection: a generator costs more
            if version == self._version and address & self._mask == self._first:
                return True
        return False


@lru_cache(10_000)
def _addresses(text: str) -> tuple[tuple[int, int], ...]:
    """The address that a text is, and the IPv4 address that stands in it, by version and number; read once for all
    networks."""
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return ()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return tuple((each.version, int(each)) for each in (address, mapped) if each is not None)


class TimePart(OfScalar):
    """A part of a time (UTC): minute, hour, day of the month, ISO week, month, year; compared with a number."""

    def __init__(self, part: str, wanted: float, op: Operator = "eq") -> None:
        self.part, self.op = part, op
        self.wanted = number(wanted) or Decimal(0)

    def _place(self, value: Value) -> Place | None:
        seen = to_datetime(micros(value))
        if seen is None:
            return None
        found: int = seen.isocalendar().week if self.part == "week" else getattr(seen, self.part)
        return Place(text_of(value) or "", None) if COMPARE[self.op](found, self.wanted) else None


class Null(Shown):
    """The event has no such field."""

    def holds(self, value: Value) -> bool:
        return value is None

    def place(self, value: Value) -> Place | None:
        return Place("", None) if value is None else None

    def screen(self) -> Screen | None:
        return None


class Exists(Shown):
    """The event has the field, or has it not; one that is null is there, which condition.py sees to."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted

    def holds(self, value: Value) -> bool:
        return (value is not None) == self.wanted

    def place(self, value: Value) -> Place | None:
        return Place(text_of(value) or "", None) if self.holds(value) else None

    def screen(self) -> Screen | None:
        return None
