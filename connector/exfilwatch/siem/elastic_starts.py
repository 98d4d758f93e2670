"""Starts of processes without what nobody asks of them: of thousands, most only link what others do.

Which members of a document are needed depends on what others it has. So it is said for documents of the shape that is
tried first, which shows in what they are indexed by; others come whole.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.detection.starts import EVERY_START
from exfilwatch.detection.trees import STARTS, TOLD
from exfilwatch.events.shape import SHAPES, Shape
from exfilwatch.events.telling import telling
from exfilwatch.siem.queries.elastic import Elastic
from exfilwatch.siem.queries.elastic_dsl import Query, all_of, exists, negated, one_of
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping
from exfilwatch.siem.queries.native import sources

_NO_GUID = "00000000-0000-0000-0000-000000000000"


class Names(NamedTuple):
    """Where documents have, as they are, the GUIDs of a process and of its parent; and the parent's process id."""

    own: tuple[str, ...]
    parents: tuple[str, ...]
    pids: tuple[str, ...]

    def named(self, guids: Iterable[str]) -> Query:
        """One of these is the process or its parent: written in capital or small letters, in braces or not."""
        written = [text for guid in guids for each in (guid, guid.upper()) for text in (each, f"{{{each}}}")]
        return one_of({"terms": {path: written}} for path in (*self.own, *self.parents))

    def unnamed(self) -> Query:
        """The process or its parent may have no GUID."""
        without = [_lacking(self.own), all_of([_lacking(self.parents), one_of(map(exists, self.pids))])]
        return one_of(without)


class Told(NamedTuple):
    """Documents of which a part is enough, as a query, and the part, for `_source`; `names`: if they can be asked for
    by GUID."""

    which: Query
    enough: list[str]
    names: Names | None


def told(mappings: Iterable[ElasticMapping]) -> Told | None:
    """What is enough to know a start by; None where the mappings don't say it alike."""
    found = [_told(mapping) for mapping in dict.fromkeys(mappings)]
    first = found[0] if found else None
    if first is None or any(each is None or each.which != first.which for each in found):
        return None
    names = {each.names for each in found if each}
    enough = sorted({path for each in found if each for path in each.enough})
    return Told(first.which, enough, first.names if len(names) == 1 else None)


@lru_cache(64)
def _told(mapping: ElasticMapping) -> Told | None:
    language = Elastic(mapping)
    shape = next((each for each in SHAPES.values() if may_be(each, language)), None)
    if shape is None or shape.spec.excludes or shape.spec.equals or mapping.opaque:
        return None
    spec = shape.spec
    which = [exists(path) for path in spec.requires]
    if spec.one_of:
        which.append(one_of([exists(path) for path in spec.one_of]))
    enough: set[str] = set()
    for path in telling(shape, STARTS, (*TOLD, "Computer")):
        for each in language.paths(path):
            enough.update([each] if each in mapping.fields else [f"{each}.*"])
    return Told(all_of(which), sorted(enough), _names(shape, mapping))


def _names(shape: Shape, mapping: ElasticMapping) -> Names | None:
    language = Elastic(mapping)
    own, parents, pids = (
        sources(EVERY_START, field, language.paths, [shape])
        for field in ("ProcessGuid", "ParentProcessGuid", "ParentProcessId")
    )
    whole = {path: mapping.plain(path) if plain else None for path, plain in (own | parents).items()}
    if not (own and parents and all(whole.values())) or any(mapping.ways(path) == () for path in pids):
        return None
    indexed = [tuple(str(whole[path]) for path in each) for each in (own, parents)]
    return Names(indexed[0], indexed[1], tuple(pids))


def _lacking(paths: Iterable[str]) -> Query:
    none = [_NO_GUID, f"{{{_NO_GUID}}}", "", "-", "{}"]
    listed: list[Query] = [{"terms": {path: none}} for path in paths]
    return one_of([negated(one_of(map(exists, paths))), *listed])


def may_be(shape: Shape, language: Elastic) -> bool:
    """Whether a document may be of the shape."""
    spec = shape.spec
    return all(map(language.paths, spec.requires)) and (not spec.one_of or any(map(language.paths, spec.one_of)))
