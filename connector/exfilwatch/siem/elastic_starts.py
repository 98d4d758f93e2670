"""Starts of processes without what nobody asks of them: of thousands, most only link what others do.

Which members of a document are needed depends on what others it has. So it is said for documents of the shape that is
tried first, which shows in what they are indexed by; others come whole.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.detection.trees import STARTS, TOLD
from exfilwatch.events.shape import SHAPES, Shape
from exfilwatch.events.telling import telling
from exfilwatch.siem.queries.elastic import Elastic
from exfilwatch.siem.queries.elastic_dsl import Query, all_of, exists, one_of
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping


class Told(NamedTuple):
    """Documents of which a part is enough, as a query, and the part, for `_source`."""

    which: Query
    enough: list[str]


def told(mappings: Iterable[ElasticMapping]) -> Told | None:
    """What is enough to know a start by; None where the mappings don't say it alike."""
    found = [_told(mapping) for mapping in dict.fromkeys(mappings)]
    first = found[0] if found else None
    if first is None or any(each is None or each.which != first.which for each in found):
        return None
    return Told(first.which, sorted({path for each in found if each for path in each.enough}))


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
    return Told(all_of(which), sorted(enough))


def may_be(shape: Shape, language: Elastic) -> bool:
    """Whether a document may be of the shape."""
    spec = shape.spec
    return all(map(language.paths, spec.requires)) and (not spec.one_of or any(map(language.paths, spec.one_of)))
