"""Typed decoding: only the members that somebody asks for, of records that are written like a sample.

Decoding into dictionaries costs three times as much. A `TypedRows` is made for one shape from one record of it, and
takes only records of the same form (form.py). For anything else the decoder raises msgspec.ValidationError, and the
record has to be decoded in full.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Literal, TypeAlias

import msgspec

from exfilwatch.events.event import Value
from exfilwatch.events.form import Form, Untyped
from exfilwatch.events.mapping import Getter, dict_access, first_present
from exfilwatch.events.shape import Record, Shape

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
        self._form = form = Form(shape, sample, keys=keys, scalars=scalars, long=long, timed=timed)
        self.host_path, self.time_path = form.host_path, form.time_path
        self._kinds, self._required, self._spelled = form.kinds, form.required, form.spelled
        self._attributes: dict[tuple[str, ...], str] = {}
        self._inside: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._raws: dict[Getter[Row], str] = {}
        self._struct = self._made((), list(sample))
        self.decoder = msgspec.json.Decoder(self._struct)

    # The struct

    def _made(self, prefix: tuple[str, ...], order: Sequence[str] = ()) -> type[msgspec.Struct]:
        depth = len(prefix)
        members: dict[str, list[tuple[str, ...]]] = {}
        for spelling in self._kinds:
            if spelling[:depth] == prefix and len(spelling) > depth:
                members.setdefault(spelling[depth], []).append(spelling)
        fields: list[Any] = []
        # msgspec looks for a member from where it found the last one, so their order is that of the record.
        ordered = {name: members[name] for name in order if name in members} | members
        for number, (name, spellings) in enumerate(ordered.items()):
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
            for number, key in enumerate(sorted(self._form.forbidden - members.keys())):
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
        return first_present(getters)

    def raw(self, get: Getter[Row]) -> Callable[[Row], msgspec.Raw] | None:
        """What gives the same as a getter of `access`, but as it stands in the record; empty where it is absent. None
        where there is no such thing."""
        name = self._raws.get(get)
        if name is None:
            return None
        quick: Callable[[Row], msgspec.Raw] = attrgetter(name)
        if self._surely(name.split(".")[:-1]):
            return quick

        def careful(row: Row) -> msgspec.Raw:
            try:
                return quick(row)
            except AttributeError:  # an object that is absent or null
                return _ABSENT

        return careful

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
        if all(self._surely(name.split(".")[:-1]) for name in names):
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

    def _surely(self, objects: Sequence[str]) -> bool:
        """Whether these objects, each within the one before it, are in every row."""
        kind = self._struct
        for name in objects:
            field = next(each for each in msgspec.structs.fields(kind) if each.name == name)
            if not field.required:
                return False
            kind = field.type
        return True

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

        if self._kinds[spelling] == "raw" and spelling not in self._required:
            self._raws[get] = ".".join(chain)
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
