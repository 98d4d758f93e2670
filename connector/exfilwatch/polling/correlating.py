"""Correlations over hits that come in pieces: what new ones add, and which match each of them outgrew.

A burst that goes on is one match, whose id is made of all its events. So each group that got hits is matched without
and with them: what is new is given out, and what is gone was outgrown, and goes into the one that shares events with
it. The findings are then, at any time, those of one pass over all hits so far.

But for conditions that later hits can undo (fewer than five): they are judged when their window is settled, that is,
when everything up to its end has been read. What a record that is later still undoes is withdrawn.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from exfilwatch.detection.correlate import Match
from exfilwatch.detection.correlation_plan import CorrelationPlan
from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import matched
from exfilwatch.detection.evaluate import Evaluator, recorded
from exfilwatch.detection.hits import Hit, HitStore
from exfilwatch.detection.judge import Waiting
from exfilwatch.detection.rule import Correlation
from exfilwatch.findings.identity import finding_id
from exfilwatch.polling import waiting


class Correlated(NamedTuple):
    """New matches as detections, and the findings that are outgrown, each with the one that takes its place."""

    detections: list[Detection]
    superseded: dict[str, str | None]


class _Found(NamedTuple):
    correlation: Correlation
    match: Match
    events: frozenset[str]


def correlate(connection: Connection, evaluator: Evaluator, new: Iterable[Waiting]) -> Correlated:
    """Store new hits and tell what they change. The transaction must be one that no other writer overlaps."""
    by_correlation: dict[str, dict[tuple[str, str], Hit]] = {}
    for correlation, hit in new:
        by_correlation.setdefault(correlation, {}).setdefault((hit.rule, hit.event), hit)
    if not by_correlation:
        return Correlated([], {})
    with HitStore() as before, HitStore() as after:
        fresh = _load(connection, evaluator, by_correlation, before, after)
        waiting.keep_hits(connection, fresh, {each.id: each.plan for each in evaluator.rules.correlations})
        old, now = _found(evaluator, before), _found(evaluator, after)
    lasting = _lasting(evaluator)
    added = [found for name, found in now.items() if name not in old and found.correlation.id in lasting]
    gone = {name: found for name, found in old.items() if name not in now}
    return Correlated(_detections(evaluator, added), {name: _successor(found, now) for name, found in gone.items()})


def settle(connection: Connection, evaluator: Evaluator, settled: int) -> list[Detection]:
    """What conditions that later hits can undo match in windows that ended before `settled` (µs); also what was given
    out before."""
    lasting = _lasting(evaluator)
    undone = {correlation.id for correlation in evaluator.rules.correlations} - lasting
    if not undone:
        return []
    with HitStore() as hits:
        for correlation in evaluator.rules.correlations:
            for hit in waiting.hits_of(connection, correlation.id):
                hits.add(correlation.id, hit)
        found = _found(evaluator, hits).values()
    over = [each for each in found if each.match.last + each.correlation.plan.timespan < settled]
    return _detections(evaluator, [each for each in over if each.correlation.id in undone])


def _lasting(evaluator: Evaluator) -> set[str]:
    """The correlations whose matches no later hit undoes; of those of correlations, all must be such."""
    lasting: set[str] = set()
    for correlation in evaluator.rules.correlations:  # inner ones first
        inner = [member for member in correlation.plan.members if member not in evaluator.rules.by_id]
        if correlation.plan.lasts and lasting.issuperset(inner):
            lasting.add(correlation.id)
    return lasting


def _detections(evaluator: Evaluator, found: Iterable[_Found]) -> list[Detection]:
    return [evaluator.correlated(each.correlation, each.match) for each in found]


def _load(
    connection: Connection,
    evaluator: Evaluator,
    new: Mapping[str, Mapping[tuple[str, str], Hit]],
    before: HitStore,
    after: HitStore,
) -> list[Waiting]:
    """Fill both stores with what the correlations need; the hits that were not there yet."""
    fresh: list[Waiting] = []
    ids = {correlation.id for correlation in evaluator.rules.correlations}
    nested = {c.id for c in evaluator.rules.correlations if c.id in evaluator.members or ids & set(c.plan.members)}
    # A match of an inner correlation is a hit of the outer one, and no such hit is stored: so all of the inner ones.
    wanted = set(new) | (nested if nested & set(new) else set())
    for correlation in evaluator.rules.correlations:
        if correlation.id not in wanted:
            continue
        arrived = dict(new.get(correlation.id, {}))
        for hit in _stored(connection, correlation.plan, arrived, whole=correlation.id in nested):
            before.add(correlation.id, hit)
            after.add(correlation.id, hit)
            arrived.pop((hit.rule, hit.event), None)
        for hit in arrived.values():
            after.add(correlation.id, hit)
            fresh.append(Waiting(correlation.id, hit))
    return fresh


def _stored(
    connection: Connection, plan: CorrelationPlan, arrived: Mapping[tuple[str, str], Hit], *, whole: bool
) -> Iterable[Hit]:
    if whole:
        return waiting.hits_of(connection, plan.rule)
    groups = {hit.group for hit in arrived.values()}
    if plan.emit != "pair" or plan.tree:
        return waiting.hits_of(connection, plan.rule, groups)
    # A pair is of two hits alone: those farther away are in none of the new ones.
    times = [hit.time for hit in arrived.values()]
    return waiting.hits_of(connection, plan.rule, groups, min(times) - plan.timespan, max(times) + plan.timespan)


def _found(evaluator: Evaluator, hits: HitStore) -> dict[str, _Found]:
    """The matches by the id that their finding has."""
    found: dict[str, _Found] = {}
    for correlation, match in matched(evaluator, hits):
        events = frozenset(event for hit in match.hits for event in _events(evaluator, hit))
        found[finding_id(correlation.info.id, list(events), match.kinship)] = _Found(correlation, match, events)
    return found


def _events(evaluator: Evaluator, hit: Hit) -> list[str]:
    if hit.rule in evaluator.rules.by_id:
        return [hit.event]
    return [event.id for _, event in recorded(hit)]


def _successor(gone: _Found, now: Mapping[str, _Found]) -> str | None:
    """The match of the same correlation that shares the most events with one that is gone."""
    shared = {
        name: len(found.events & gone.events) for name, found in now.items() if found.correlation is gone.correlation
    }
    best = max(sorted(shared), key=lambda name: shared[name], default=None)
    return best if best is not None and shared[best] else None
