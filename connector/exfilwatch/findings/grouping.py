"""Which findings belong together. Pure, and the same for any order of the findings.

Two findings are linked when they are of one host and one user and share a process (the tree), or stand at most one
window apart. Incidents are what hangs together by such links; two named users are never in one incident.

A finding that names no user is read as an analyst would: it belongs to the user of its host that it shares a process
with, else to the one nearest in time within the window. It never ties two users together: findings without a user
that hang together all go to one of them. Those near nobody are an incident of their own until somebody turns up.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import NamedTuple

import msgspec

from exfilwatch.findings.node import Node

WINDOW = timedelta(hours=1)


class _Sets:
    """Disjoint sets of nodes by id (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def _root(self, item: str) -> str:
        while (parent := self._parent.setdefault(item, item)) != item:
            self._parent[item] = self._parent[parent]
            item = parent
        return item

    def join(self, links: Iterable[list[Node]]) -> None:
        for nodes in links:
            for node in nodes[1:]:
                self._parent[self._root(node.id)] = self._root(nodes[0].id)

    def of(self, nodes: Iterable[Node]) -> list[list[Node]]:
        sets: dict[str, list[Node]] = {}
        for node in nodes:
            sets.setdefault(self._root(node.id), []).append(node)
        return list(sets.values())


def partition(
    nodes: Iterable[Node], window: timedelta = WINDOW, known: Mapping[str, str] | None = None
) -> list[list[Node]]:
    """The incidents of `nodes`, each in order of time, ordered by their first finding.

    `known` maps ids of findings to the incident they are in already: what is together stays together.
    """
    incidents: list[list[Node]] = []
    unique = {node.id: node for node in nodes}.values()
    for _, of_host in groupby(sorted(unique, key=lambda node: (node.host_key, *node.order)), key=lambda n: n.host_key):
        incidents += _of_host(list(of_host), window, known or {})
    return sorted(incidents, key=lambda incident: incident[0].order)


def _of_host(nodes: list[Node], window: timedelta, known: Mapping[str, str]) -> list[list[Node]]:
    """`nodes` are of one host, in order."""
    by_user: dict[str | None, list[Node]] = {}
    for node in _adopted(nodes, window):
        by_user.setdefault(node.user_key, []).append(node)
    sets = _Sets()
    for of_user in by_user.values():
        sets.join(_trees(of_user))
        sets.join(_neighbours(of_user, window))
    stored: dict[str, list[Node]] = {}
    for node in nodes:
        if incident := known.get(node.id):
            stored.setdefault(incident, []).append(node)
    sets.join(stored.values())
    return sets.of(nodes)


def _trees(nodes: Iterable[Node]) -> Iterator[list[Node]]:
    """Findings that share a process."""
    sharing: dict[str, list[Node]] = {}
    anchored: set[str] = set()
    for node in nodes:
        for process in sorted(node.processes):
            sharing.setdefault(process.key, []).append(node)
            if process.anchor:
                anchored.add(process.key)
    yield from (linked for key, linked in sharing.items() if key in anchored and len(linked) > 1)


def _neighbours(nodes: Iterable[Node], window: timedelta) -> Iterator[list[Node]]:
    """Runs of findings with no gap longer than the window. `nodes` are in order."""
    run: list[Node] = []
    end: datetime | None = None
    for node in nodes:
        if node.span is None:
            continue
        if end is not None and node.span.start - end > window:
            yield run
            run, end = [], None
        run.append(node)
        end = max(end or node.span.end, node.span.end)
    yield run


class _Claim(NamedTuple):
    """Why a finding without a user may belong to `user`; the least one wins: the tree before the clock."""

    by_time: bool
    gap: timedelta
    order: tuple[datetime, str]
    user: str


def _adopted(nodes: list[Node], window: timedelta) -> list[Node]:
    """The nodes, those without a user given to the user that they belong to, where there is one."""
    loose = [node for node in nodes if not node.user_key]
    if not loose or len(loose) == len(nodes):
        return nodes
    claims: dict[str, list[_Claim]] = {}
    for node, claim in chain(_claims_by_tree(nodes), _claims_by_time(nodes)):
        if claim.gap <= window:
            claims.setdefault(node.id, []).append(claim)
    sets = _Sets()
    sets.join(_trees(loose))
    sets.join(_neighbours(loose, window))
    users: dict[str, str] = {}
    for together in sets.of(loose):
        best = min((claim for node in together for claim in claims.get(node.id, ())), default=None)
        if best:
            users.update((node.id, best.user) for node in together)
    return [msgspec.structs.replace(node, user_key=users.get(node.id, node.user_key)) for node in nodes]


def _claims_by_tree(nodes: list[Node]) -> Iterator[tuple[Node, _Claim]]:
    for tree in _trees(nodes):
        claims = [_Claim(False, timedelta(0), node.order, node.user_key) for node in tree if node.user_key]
        yield from ((node, min(claims)) for node in tree if claims and not node.user_key)


def _claims_by_time(nodes: list[Node]) -> Iterator[tuple[Node, _Claim]]:
    """For each finding without user: the named ones nearest before and after it, however far."""
    timed = [(node, node.span) for node in nodes if node.span]
    before: tuple[datetime, Node] | None = None
    for node, span in timed:
        if node.user_key:
            before = (span.end, node) if before is None or span.end > before[0] else before
        elif before and (owner := before[1]).user_key:
            yield node, _Claim(True, max(span.start - before[0], timedelta(0)), owner.order, owner.user_key)
    after: tuple[datetime, Node] | None = None
    for node, span in reversed(timed):
        if node.user_key:
            after = (span.start, node)
        elif after and (owner := after[1]).user_key:
            yield node, _Claim(True, max(after[0] - span.end, timedelta(0)), owner.order, owner.user_key)
