"""The playbook as a graph: what platforms draw. Each step with the ways out of it, and what each of them leads to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Step, Together, branches

START, END = "start", "end"
NEXT, FAILURE, THEN, OTHERWISE = "", "failure", "then", "otherwise"


@dataclass(frozen=True)
class Node:
    """A step. `ways`: the ids that a way out leads to, several where they do not wait for each other; the way is an
    answer, `then`, `otherwise`, `failure`, or empty for the only one. `joins`: it waits for all that lead to it.

    What runs together are nodes of their own, `together` with that step's id.
    """

    step: Run | Ask | Person | If
    phase: str
    ways: dict[str, tuple[str, ...]]
    joins: bool = False
    together: str = ""

    @property
    def id(self) -> str:
        """The step's."""
        return self.step.id

    @property
    def next(self) -> tuple[str, ...]:
        """What comes when all went well, of a step with one way out."""
        return self.ways[NEXT]


def wired(playbook: Playbook) -> list[Node]:
    """The nodes, in the order of the source."""
    return list(_line(playbook.steps, (END,), "", joins=False))


def first(playbook: Playbook) -> tuple[str, ...]:
    """What the playbook begins with."""
    return _into(playbook.steps, (END,))


def leading(nodes: list[Node]) -> dict[str, list[tuple[str, str]]]:
    """Of each id, what leads to it: the ids and their ways."""
    found: dict[str, list[tuple[str, str]]] = {}
    for node in nodes:
        for way, targets in node.ways.items():
            for target in targets:
                found.setdefault(target, []).append((node.id, way))
    return found


def in_line(nodes: list[Node]) -> list[Node]:
    """For who runs nothing at the same time: what runs together, one after the other."""
    found: list[Node] = []
    for node, following in zip(nodes, [*nodes[1:], None], strict=True):
        ways = {way: targets[:1] for way, targets in node.ways.items()}
        if following is not None and node.together and following.together == node.together:
            ways = dict.fromkeys(node.ways, (following.id,))
        found.append(replace(node, ways=ways, joins=False))
    return found


def _into(steps: list[Step], after: tuple[str, ...]) -> tuple[str, ...]:
    """What one enters by who begins these steps; `after` them where there are none."""
    if not steps:
        return after
    return tuple(each.id for each in steps[0].together) if isinstance(steps[0], Together) else (steps[0].id,)


def _line(steps: list[Step], after: tuple[str, ...], phase: str, *, joins: bool) -> Iterator[Node]:
    for place, step in enumerate(steps):
        phase, following = step.phase or phase, _into(steps[place + 1 :], after)
        if isinstance(step, Together):
            yield from (_run(each, phase, following, step.id) for each in step.together)
            joins = True
            continue
        if isinstance(step, Run):
            yield Node(step, phase, _run(step, phase, following).ways, joins)
        else:
            ways = {way: _into(below, following) for way, below in branches(step)} or {NEXT: following}
            yield Node(step, phase, ways, joins)
        joins = False
        for _, below in branches(step):
            yield from _line(below, following, phase, joins=False)


def _run(step: Run, phase: str, following: tuple[str, ...], together: str = "") -> Node:
    ways = {NEXT: following}
    if step.failure != "stop":
        ways[FAILURE] = following if step.failure == "go-on" else _into(step.failure, following)
    return Node(step, phase, ways, together=together)
