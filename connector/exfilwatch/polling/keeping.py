"""What was found goes into the store: in the transaction of whoever read it."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.evaluate import Evaluator
from exfilwatch.detection.judge import Waiting
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.store import Store
from exfilwatch.polling.correlating import correlate, settle

T = TypeVar("T")


class Kept(NamedTuple):
    """The findings that are new, and how many others they outgrew."""

    new: list[Finding]
    superseded: int


def keep(
    connection: Connection, store: Store, evaluator: Evaluator, detections: Iterable[Detection], hits: Iterable[Waiting]
) -> Kept:
    """Correlate the hits with those that wait, and store all that was found."""
    correlated = correlate(connection, evaluator, hits)
    found = [finding(each) for each in chain(detections, drained(correlated.detections))]
    saved = store.record_in(connection, found, correlated.superseded)
    return Kept(saved.findings, len(correlated.superseded))


def drained(given: list[T]) -> Iterator[T]:
    """What is in a list, in order, which loses each as it is taken: a day of events is too much to hold twice."""
    given.reverse()
    while given:
        yield given.pop()


def keep_settled(connection: Connection, store: Store, evaluator: Evaluator, settled: int) -> Kept:
    """Store what can be judged now that everything before `settled` (µs) was read."""
    found = [finding(each) for each in settle(connection, evaluator, settled)]
    return Kept(store.record_in(connection, found).findings, 0)
