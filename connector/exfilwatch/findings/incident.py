"""The incident: the findings of one host and one user that belong together, and how bad they are together.

Severity is the highest level among its findings, raised by one step when at least two kinds of evidence agree.
A finding's kind is its rule's branch; without a branch its ATT&CK techniques; without those its rule. Kinds agree that
rest on different events. So one command that is logged twice, or found by the same rule many times, or by rules of two
branches, raises nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from exfilwatch.detection.detection import LEVELS, shifted
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.grouping import WINDOW, partition
from exfilwatch.findings.node import Node, node


class Incident(BaseModel):
    """Findings that belong together. `findings` holds their ids in order of time, `time` and `end` are UTC.

    `highest` is the level before raising, `kinds` the kinds of evidence. `first_seen` is when the store first had it
    (None: never stored); `merged_into` names the older incident that took its findings.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    host: str | None
    user: str | None
    level: str
    highest: str
    kinds: tuple[str, ...]
    attack: tuple[str, ...]
    time: datetime | None
    end: datetime | None
    findings: tuple[str, ...]
    first_seen: datetime | None = None
    merged_into: str | None = None


def group(findings: Iterable[Finding], *, window: timedelta = WINDOW) -> list[Incident]:
    """The incidents of `findings`, in order of time; the same for any order of the findings."""
    return [
        incident(incident_id(nodes[0].id), nodes)
        for nodes in partition((node(finding) for finding in findings), window)
    ]


def incident(identity: str, nodes: Sequence[Node]) -> Incident:
    """The incident `identity` that is made of `nodes`, which may not be empty."""
    nodes = sorted(nodes, key=lambda node: node.order)
    spans = [node.span for node in nodes if node.span]
    kinds = tuple(sorted({node.kind for node in nodes}))
    highest = max((node.level for node in nodes), key=rank)
    return Incident(
        id=identity,
        host=next((node.host for node in nodes if node.host), None),
        user=next((node.user for node in nodes if node.user), None),
        level=shifted(highest, 1) if _agree(nodes) else highest,
        highest=highest,
        kinds=kinds,
        attack=tuple(sorted({technique for node in nodes for technique in node.attack})),
        time=min((span.start for span in spans), default=None),
        end=max((span.end for span in spans), default=None),
        findings=tuple(node.id for node in nodes),
    )


def _agree(nodes: Iterable[Node]) -> bool:
    """Whether there are two kinds of evidence that are not the same events, read by two rules."""
    evidence: dict[str, set[str]] = {}
    for each in nodes:
        evidence.setdefault(each.kind, set()).add(each.evidence or each.id)
    return len(set(map(frozenset, evidence.values()))) > 1


def incident_id(first_finding: str) -> str:
    """A hash of the id of its earliest finding when it was first stored."""
    return hashlib.sha256(f"incident\n{first_finding}".encode()).hexdigest()[:16]


def rank(level: str) -> int:
    """0 for informational to 4 for critical; a level that Sigma does not know counts as medium."""
    return LEVELS.index(shifted(level, 0))
