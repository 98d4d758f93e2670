"""Typed decoding: only the members that somebody asks for, of records that are written like a sample.

Decoding into dictionaries costs three times as much. A `TypedRows` is made for one shape from one record of it. It
takes a record only when that is certain to be of the same shape: what the shape requires must be there, what it or a
shape of higher priority forbids must not, and where a member has several spellings it must be that of the sample. For
anything else the decoder raises msgspec.ValidationError, and the record has to be decoded in full.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal, TypeAlias

import msgspec

from exfilwatch.events.event import Value
from exfilwatch.events.mapping import Getter, dict_access, heads
from exfilwatch.events.shape import SHAPES, Record, Shape
from exfilwatch.events.spelling import has, splits

Row: TypeAlias = Any
_ABSENT = msgspec.Raw(b"")
_NEVER = Literal["\0absent"]
_decode = msgspec.json.Decoder().decode


class Text(msgspec.Struct, frozen=True):
    """An XML element with attributes: its text."""

    text: str | int | None = msgspec.field(name="#text", default=None)


_SCALAR = str | int | float | bool | None
_KEY = str | int | float | Text | None
_THERE = str | int | float | bool | list[Any] | dict[str, Any]
_KINDS: dict[str, Any] = {"scalar": _SCALAR, "key": _KEY, "raw": msgspec.Raw, "never": _NEVER}
# The same for members that have to be there, which null does not count for.
_NEEDED: dict[str, Any] = {"scalar": str | int | float | bool, "key": str | int | float | Text, "raw": _THERE}


class Untyped(Exception):  # noqa: N818 no error: the record is decoded in full
    """Records of this form can't be decoded this way."""


class TypedRows:
    """A decoder for records of `shape` that are written like `sample`, with getters on what it makes.

    `scalars`: paths of short values, which compare and hash; `long`: of texts that are decoded only when asked for;
    `keys`: paths whose values together choose the class of a record; `timed`: whether times are asked for.
    """

    def __init__(
        self,
        shape: Shape,
        sample: Record,
        *,
        keys: Iterable[str],
        scalars: Iterable[str],
        long: Iterable[str],
        timed: bool = False,
    ) -> None:
        self.shape = shape
        self._sample = sample
        self._kinds: dict[tuple[str, ...], Any] = {}
        self._required: set[tuple[str, ...]] = set()
        self._never: set[str] = set()
        self._spellings: dict[str, list[tuple[str, ...]]] = {}
        for path in [*long, *scalars, *keys]:
            self._want(path, "raw" if path in set(long) else "scalar")
        for path in keys:
            self._want(path, "key")
        asked = set(self._kinds)
        self.host_path = self._chosen(shape.spec.host)
        self.time_path = self._timed(self._chosen(shape.spec.time), asked) if timed else None
        for base in shape.spec.raw:
            if base.endswith(".*"):
                self._lacks(base.removesuffix(".*"))
        self._recognised()
        self._close()
        self._attributes: dict[tuple[str, ...], str] = {}
        self._inside: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._struct = self._made(())
        self.decoder = msgspec.json.Decoder(self._struct)

    # What has to be there, and what must not

    def _want(self, path: str, kind: str) -> None:
        for spelling in self._spelled(path):
            if self._kinds.get(spelling) not in ("key", "time"):
                self._kinds[spelling] = kind

    def _require(self, path: str, kind: Any = None) -> None:
        """The sample has the path; so must each record."""
        spelling = next((each for each in self._spelled(path) if has(self._sample, each)), None)
        if spelling is None:
            raise Untyped
        if kind is not None or spelling not in self._kinds:
            self._kinds[spelling] = kind if kind is not None else "raw"
        self._required.add(spelling)

    def _forbid(self, key: str) -> None:
        if key in self._sample:
            raise Untyped
        self._never.add(key)
        if (key,) in self._kinds:
            self._kinds[(key,)] = "never"

    def _spelled(self, path: str) -> list[tuple[str, ...]]:
        """The ways in which the members of a path are written: nested, or with dots in the key."""
        found = self._spellings.get(path)
        if found is None:
            nested = tuple(path.split("."))
            found = [nested] if len(nested) == 1 or self.shape.spec.nested else [nested, (path,)]
            present = [each for each in splits(path) if has(self._sample, each)]
            self._spellings[path] = found = list(dict.fromkeys([*present, *found]))
        return found

    def _chosen(self, paths: list[str]) -> str | None:
        """The first of the paths that the sample has; those before it must be absent."""
        for path in paths:
            value = dict_access(path)(self._sample)
            if value in (None, "", "-"):
                if any(has(self._sample, spelling) for spelling in self._spelled(path)):
                    return None
                self._lacks(path)
                continue
            self._require(path, self._kinds.get(self._spelled(path)[0]) or "scalar")
            return path
        return None

    def _timed(self, path: str | None, asked: set[tuple[str, ...]]) -> str | None:
        """Times in ISO 8601 are decoded as such; other notations are not given, nor what a rule sees as a text."""
        value = dict_access(path)(self._sample) if path else None
        if path is None or not isinstance(value, str):
            return None
        try:
            msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            return None
        spelling = next(each for each in self._spelled(path) if has(self._sample, each))
        if spelling in asked:
            return None
        self._kinds[spelling] = datetime
        return path

    def _lacks(self, path: str) -> None:
        """A path must be absent: by its top-level keys, or where the sample has these, by its last member."""
        tops = heads(path)
        if not any(key in self._sample for key in tops):
            for key in tops if not self.shape.spec.nested else {path.partition(".")[0]}:
                self._forbid(key)
            return
        for spelling in self._spelled(path):
            if has(self._sample, spelling):
                raise Untyped
            self._kinds[spelling] = "never"

    def _recognised(self) -> None:
        spec = self.shape.spec
        for path in spec.requires:
            self._require(path)
        if spec.one_of:
            present = [path for path in spec.one_of if dict_access(path)(self._sample) is not None]
            ready = next((path for path in present if any(s in self._required for s in self._spelled(path))), None)
            self._require(ready or present[0])
        for path in spec.excludes:
            self._lacks(path)
        for path in spec.equals:
            self._same(path)
        for other in SHAPES.values():
            if other is self.shape:
                return
            self._unlike(other)

    def _same(self, path: str) -> None:
        value = dict_access(path)(self._sample)
        if not isinstance(value, str) and type(value) is not int:
            raise Untyped
        self._require(path, Literal[value])

    def _unlike(self, other: Shape) -> None:
        """Make sure of one reason for which no record that is taken can be of `other`."""
        spec = other.spec
        if any(s in self._required for path in spec.excludes for s in self._spelled(path)):
            return
        absent = [path for path in spec.requires if dict_access(path)(self._sample) is None]
        if any(any(key in self._never for key in heads(path)) and heads(path) <= self._never for path in absent):
            return
        if spec.one_of and all(heads(path) <= self._never for path in spec.one_of):
            return
        ways: list[list[str]] = [[path] for path in absent]
        if spec.one_of and all(dict_access(path)(self._sample) is None for path in spec.one_of):
            ways.append(list(spec.one_of))
        for way in sorted(ways, key=lambda way: sum(len(heads(path) - self._never) for path in way)):
            try:
                for path in way:
                    self._lacks(path)
            except Untyped:
                continue
            return
        for path in spec.excludes:
            if dict_access(path)(self._sample) is not None:
                self._require(path)
                return
        for path, values in spec.equals.items():
            if str(dict_access(path)(self._sample)).lower() not in {value.lower() for value in values}:
                self._same(path)
                return
        raise Untyped

    def _close(self) -> None:
        """Of each path the spellings that are not decoded must be absent, or a value would be missed."""
        if self.shape.spec.nested:
            return
        used = {spelling[:depth] for spelling in self._kinds for depth in range(1, len(spelling) + 1)}
        for path, found in self._spellings.items():
            for other in splits(path):
                if other in found:
                    continue
                prefixes = (other[:depth] for depth in range(1, len(other) + 1))
                new = next((prefix for prefix in prefixes if prefix not in used), None)
                if new is None:
                    raise Untyped
                if new[0] not in self._never:
                    self._kinds.setdefault(new, "never")

    # The struct

    def _made(self, prefix: tuple[str, ...]) -> type[msgspec.Struct]:
        depth = len(prefix)
        members: dict[str, list[tuple[str, ...]]] = {}
        for spelling in self._kinds:
            if spelling[:depth] == prefix and len(spelling) > depth:
                members.setdefault(spelling[depth], []).append(spelling)
        fields: list[Any] = []
        for number, (name, spellings) in enumerate(members.items()):
            here = (*prefix, name)
            attribute = self._attributes[here] = f"m{number}"
            needed = any(spelling in self._required for spelling in spellings)
            kind: Any
            default: Any
            if here in self._kinds and len(spellings) > 1:
                kind, default = self._either(here, spellings)
            elif here in self._kinds:
                kind = self._kinds[here]
                if isinstance(kind, str):
                    kind = (_NEEDED if needed else _KINDS)[kind]
                default = msgspec.NODEFAULT if needed else _ABSENT if kind is msgspec.Raw else None
                kind = kind if needed or kind in (msgspec.Raw, _NEVER) else kind | None
            else:
                inner = self._made(here)
                default, kind = (msgspec.NODEFAULT, inner) if needed else (None, inner | None)
            fields.append((attribute, kind, msgspec.field(name=name, default=default)))
        if not prefix:
            for number, key in enumerate(sorted(self._never - members.keys())):
                fields.append((f"n{number}", _NEVER, msgspec.field(name=key, default=None)))
        return msgspec.defstruct("Typed", fields, gc=False, kw_only=True)

    def _either(self, here: tuple[str, ...], spellings: list[tuple[str, ...]]) -> tuple[Any, Any]:
        """A member that may be a value or an object: its type and default. It is decoded when asked for."""
        inner = [spelling for spelling in spellings if spelling != here]
        if self._kinds[here] == "never" or any(spelling in self._required for spelling in inner):
            raise Untyped
        self._inside.update(dict.fromkeys(inner, here))
        return (_THERE, msgspec.NODEFAULT) if here in self._required else (msgspec.Raw, _ABSENT)

    # Getters

    def hashable(self, path: str) -> bool:
        """Whether `values` can have the path: short values only."""
        found = [spelling for spelling in self._spelled(path) if spelling in self._kinds]
        short = ("scalar", "key", "never")
        mixed = self._inside.keys() | self._inside.values()
        return bool(found) and all(self._kinds[each] in short and each not in mixed for each in found)

    def access(self, path: str) -> Getter[Row]:
        """The getter of a path that was asked for; what it gives is what the full record would give."""
        getters = [self._getter(spelling) for spelling in self._spelled(path) if spelling in self._kinds]
        if not getters:
            raise Untyped
        if len(getters) == 1:
            return getters[0]

        def first(row: Row) -> Value:
            for getter in getters:
                value = getter(row)
                if value is not None:
                    return value
            return None

        return first

    def attributes(self, paths: Iterable[str]) -> list[str]:
        """Dotted attribute names of all spellings of the paths, for attrgetter."""
        return [
            self._dotted(spelling)
            for path in paths
            for spelling in self._spelled(path)
            if spelling in self._kinds and self._kinds[spelling] != "never"
        ]

    def values(self, paths: Iterable[str]) -> Callable[[Row], Any]:
        """Something to compare and hash: the values at these paths, in all their spellings, as they were decoded."""
        names = self.attributes(paths)
        if not names:
            return lambda _row: ()
        if all("." not in name for name in names):
            return attrgetter(*names)
        quick = attrgetter(*names)
        chains = [name.split(".") for name in names]

        def careful(row: Row) -> Any:
            try:
                return quick(row)
            except AttributeError:  # an object that is absent or null
                found = tuple(_followed(row, chain) for chain in chains)
                return found if len(found) > 1 else found[0]

        return careful

    def _dotted(self, spelling: tuple[str, ...]) -> str:
        return ".".join(self._attributes[spelling[: depth + 1]] for depth in range(len(spelling)))

    def _getter(self, spelling: tuple[str, ...]) -> Getter[Row]:
        if spelling in self._inside:
            return self._getter_inside(self._inside[spelling], spelling)
        chain = self._dotted(spelling).split(".")

        def get(row: Row) -> Value:
            value = _followed(row, chain)
            if type(value) is msgspec.Raw:
                return _text(_decode(value)) if len(value) else None
            return value.text if type(value) is Text else value

        return get

    def _getter_inside(self, here: tuple[str, ...], spelling: tuple[str, ...]) -> Getter[Row]:
        chain = self._dotted(here).split(".")
        rest = dict_access(".".join(spelling[len(here) :]))

        def get(row: Row) -> Value:
            value = _followed(row, chain)
            if type(value) is msgspec.Raw:
                value = _decode(value) if len(value) else None
            if isinstance(value, list) and value:
                value = value[0]
            return rest(value) if isinstance(value, dict) else None

        return get


def _text(value: Value) -> Value:
    return value["#text"] if isinstance(value, dict) and "#text" in value else value


def _followed(row: Row, chain: list[str]) -> Any:
    for name in chain:
        row = getattr(row, name)
        if row is None:
            return None
    return row
