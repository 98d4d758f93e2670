"""What a body or a file is, by its name and its media type (contents.yml), and what sends it (agents.yml)."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.packaged import packaged

_LONGEST = 500
"""Characters of a name, a type or a User-Agent that are looked at."""


class _Kinds(NamedTuple):
    names: Mapping[str, str]
    ends: Mapping[str, str]
    types: Mapping[str, str]
    patterns: tuple[tuple[str, str], ...]
    order: tuple[str, ...]


def kind(names: Iterable[str], types: Iterable[str]) -> str:
    """The gravest kind of the files and bodies; "" when nothing is known of them."""
    order = _kinds().order
    found = {*map(_by_name, names)} or {""}
    if found == {""}:
        found = {*map(_by_type, types)} or {""}
    return min(found, key=lambda each: order.index(each) if each else len(order))


def file_name(path: str) -> str:
    """The last part of a path or URL, without its query."""
    return path.partition("?")[0].partition("#")[0].replace("\\", "/").rstrip("/").rpartition("/")[2]


@lru_cache(2_048)
def _by_name(name: str) -> str:
    kinds, name = _kinds(), name[-_LONGEST:].strip().strip('"').lower()
    if found := kinds.names.get(name):
        return found
    parts = name.split(".")[1:]
    return next((kinds.ends[end] for at in range(len(parts)) if (end := ".".join(parts[at:])) in kinds.ends), "")


@lru_cache(512)
def _by_type(written: str) -> str:
    kinds, media = _kinds(), written[:_LONGEST].partition(";")[0].strip().lower()
    return kinds.types.get(media) or next((k for pattern, k in kinds.patterns if fnmatchcase(media, pattern)), "")


@lru_cache(1)
def _kinds() -> _Kinds:
    content: dict[str, dict[str, list[str]]] = packaged("exfilwatch.network", "contents.yml")

    def of(part: str) -> dict[str, str]:
        return {str(each): kind for kind, parts in reversed(content.items()) for each in parts.get(part, ())}

    types = of("types")
    patterns = tuple((each, kind) for each, kind in types.items() if "*" in each)
    return _Kinds(of("names"), of("ends"), types, patterns, tuple(content))


@lru_cache(2_048)
def agent(text: str) -> str:
    """What kind of program a User-Agent names; `other` when it is none of the known ones."""
    text = text[:_LONGEST].strip().lower()
    return next((kind for kind, marks in _agents() if any(mark(text, each) for each in marks)), "other")


def mark(text: str, wanted: str) -> bool:
    """Whether a text has a mark of agents.yml."""
    return text.startswith(wanted[1:]) if wanted.startswith("^") else wanted in text


@lru_cache(1)
def _agents() -> tuple[tuple[str, tuple[str, ...]], ...]:
    content: dict[str, list[str]] = packaged("exfilwatch.network", "agents.yml")
    return tuple((kind, tuple(marks)) for kind, marks in content.items())
