"""The form of a record: which members are decoded, which have to be there, and which must not.

A form is made from one record of a shape. A record of that form is certain to be of the same shape: what the shape
requires is there, what it or a shape of higher priority forbids is not, and where a member has several spellings it is
that of the sample.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from exfilwatch.events.mapping import dict_access, heads
from exfilwatch.events.shape import SHAPES, Record, Shape
from exfilwatch.events.spelling import has, splits


class Untyped(Exception):
    """Records of this form can't be decoded this way."""


class Form:
    """`kinds` says of each member, in each spelling, how it is decoded: scalar, key, raw, never, or a type of its own.

    `required` members have to be there, top-level keys in `forbidden` must not be. `host_path` and `time_path` are
    where host and time stand; None where that is not certain.
    """

    def __init__(
        self,
        shape: Shape,
        sample: Record,
        *,
        keys: Iterable[str],
        scalars: Iterable[str],
        long: Iterable[str],
        timed: bool,
    ) -> None:
        self.shape = shape
        self._sample = sample
        self.kinds: dict[tuple[str, ...], Any] = {}
        self.required: set[tuple[str, ...]] = set()
        self.forbidden: set[str] = set()
        self._spellings: dict[str, list[tuple[str, ...]]] = {}
        for paths, kind in ((long, "raw"), (scalars, "scalar"), (keys, "key")):
            for path in paths:
                self.kinds.update(dict.fromkeys(self.spelled(path), kind))
        asked = set(self.kinds)
        self.host_path = self._chosen(shape.spec.host)
        self.time_path = self._timed(self._chosen(shape.spec.time), asked) if timed else None
        for base in shape.spec.raw:
            if base.endswith(".*"):
                self._lacks(base.removesuffix(".*"))
        self._recognised()
        self._close()

    def _require(self, path: str, kind: Any = None) -> None:
        """The sample has the path; so must each record."""
        spelling = next((each for each in self.spelled(path) if has(self._sample, each)), None)
        if spelling is None:
            raise Untyped
        if kind is not None or spelling not in self.kinds:
            self.kinds[spelling] = kind if kind is not None else "raw"
        self.required.add(spelling)

    def _forbid(self, key: str) -> None:
        if key in self._sample:
            raise Untyped
        self.forbidden.add(key)
        if (key,) in self.kinds:
            self.kinds[(key,)] = "never"

    def spelled(self, path: str) -> list[tuple[str, ...]]:
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
                if any(has(self._sample, spelling) for spelling in self.spelled(path)):
                    return None
                self._lacks(path)
                continue
            self._require(path, self.kinds.get(self.spelled(path)[0]) or "scalar")
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
        spelling = next(each for each in self.spelled(path) if has(self._sample, each))
        if spelling in asked:
            return None
        self.kinds[spelling] = datetime
        return path

    def _lacks(self, path: str) -> None:
        """A path must be absent: by its top-level keys, or where the sample has these, by its last member."""
        tops = heads(path)
        if not any(key in self._sample for key in tops):
            for key in tops if not self.shape.spec.nested else {path.partition(".")[0]}:
                self._forbid(key)
            return
        for spelling in self.spelled(path):
            if has(self._sample, spelling):
                raise Untyped
            self.kinds[spelling] = "never"

    def _recognised(self) -> None:
        spec = self.shape.spec
        for path in spec.requires:
            self._require(path)
        if spec.one_of:
            present = [path for path in spec.one_of if dict_access(path)(self._sample) is not None]
            ready = next((path for path in present if any(s in self.required for s in self.spelled(path))), None)
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
        if any(s in self.required for path in spec.excludes for s in self.spelled(path)):
            return
        absent = [path for path in spec.requires if dict_access(path)(self._sample) is None]
        if any(any(key in self.forbidden for key in heads(path)) and heads(path) <= self.forbidden for path in absent):
            return
        if spec.one_of and all(heads(path) <= self.forbidden for path in spec.one_of):
            return
        ways: list[list[str]] = [[path] for path in absent]
        if spec.one_of and all(dict_access(path)(self._sample) is None for path in spec.one_of):
            ways.append(list(spec.one_of))
        for way in sorted(ways, key=lambda way: sum(len(heads(path) - self.forbidden) for path in way)):
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
        used = {spelling[:depth] for spelling in self.kinds for depth in range(1, len(spelling) + 1)}
        for path, found in self._spellings.items():
            for other in splits(path):
                if other in found:
                    continue
                prefixes = (other[:depth] for depth in range(1, len(other) + 1))
                new = next((prefix for prefix in prefixes if prefix not in used), None)
                if new is None:
                    raise Untyped
                if new[0] not in self.forbidden:
                    self.kinds.setdefault(new, "never")
