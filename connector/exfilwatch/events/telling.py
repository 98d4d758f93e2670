"""Which members of records tell of some fields: for those who fetch no more than that."""

from collections.abc import Iterable, Iterator

from exfilwatch.events.classify import EventClass
from exfilwatch.events.shape import Shape
from exfilwatch.events.spelling import paths_of


def telling(shape: Shape, category: str, fields: Iterable[str]) -> frozenset[str]:
    """The paths of all members by which records of a shape are recognised and classified and tell, in a category,
    these fields; and their time, host and number. `*`: any name.
    """
    return frozenset(_telling(shape, category, tuple(fields)))


def saying(shape: Shape, category: str, fields: Iterable[str]) -> frozenset[str]:
    """Those of them that say what a record of the shape tells, whatever its time and number: its
    class, its host and the fields."""
    return frozenset(_saying(shape, category, tuple(fields)))


def _telling(shape: Shape, category: str, fields: tuple[str, ...]) -> Iterator[str]:
    spec = shape.spec
    for heads in (spec.requires, spec.one_of, spec.excludes, spec.equals, spec.time, spec.ingest_time, spec.record):
        yield from heads
    for expression in spec.system.values():
        yield from paths_of(expression, (spec.prefix.rstrip("."),))
    yield from _saying(shape, category, fields)


def _saying(shape: Shape, category: str, fields: tuple[str, ...]) -> Iterator[str]:
    yield from shape.spec.host
    yield from (f"{base}.{name}" if base else name for base in shape.bases for name in fields)
    for expression, bases, _ in shape.classifier.keys:
        yield from paths_of(expression, bases)
    for found in shape.classifier.classes:
        if isinstance(found.category, str) and found.category != category:
            continue
        for word in (found.category, found.product, found.service):
            if not isinstance(word, str):
                yield from paths_of(word, found.bases)
        for name in fields:
            yield from _of(shape, found, name)


def _of(shape: Shape, found: EventClass, field: str) -> Iterator[str]:
    for expression, bases in shape.field_expressions(found).get(field, ()):
        yield from paths_of(expression, bases)
