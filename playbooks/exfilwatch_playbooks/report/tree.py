"""The process tree, as far as the evidence shows it: who started what, and what each process reached and wrote.

One process is often logged twice, once with a ProcessGuid and once without; it is one node. A parent that has no
record of its own stands in the tree by what its child's record says of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exfilwatch.findings.incident import rank
from exfilwatch_playbooks.enrichment.model import Step
from exfilwatch_playbooks.report.material import Happening, Material
from exfilwatch_playbooks.response.facts import basename

_SAME = timedelta(minutes=10)
"""Records of one process id that are so near are of one process: ids are used again."""
_ROWS, _DEEPEST, _ALIKE = 120, 12, 3
_COMMAND = 240


@dataclass
class Process:
    """A process; `level` is the gravest of what it is evidence of, empty for one that only stands above such."""

    program: str
    image: str = ""
    command: str = ""
    number: str = ""
    guid: str = ""
    user: str = ""
    time: datetime | None = None
    last: datetime | None = None
    level: str = ""
    recorded: bool = False
    reached: dict[str, int] = field(default_factory=dict)
    wrote: dict[str, int] = field(default_factory=dict)
    parent: "Process | None" = None
    children: list["Process"] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """A line of the tree at a depth from 0; `more`: as many processes alike are left out after it."""

    depth: int
    process: Process | None
    more: int = 0


@dataclass(frozen=True)
class Tree:
    """`left_out`: processes that are not in the rows."""

    rows: tuple[Row, ...]
    processes: int
    left_out: int


def tree(material: Material, around: Sequence[Step] = ()) -> Tree:
    """The tree of an incident: `around` the evidence, as it was looked up, where that has all that the evidence has."""
    grown = _Growing()
    for happening in material.happenings:
        grown.add(happening)
    if around and (rows := _looked_up(grown.processes, around)):
        return Tree(tuple(rows[:_ROWS]), len(rows), max(0, len(rows) - _ROWS))
    roots = [process for process in grown.processes if process.parent is None]
    rows = list(_rows(roots, 0))
    shown = rows[:_ROWS]
    said = sum(row.more or 1 for row in shown)
    return Tree(tuple(shown), len(grown.processes), len(grown.processes) - said)


def _looked_up(own: Sequence[Process], around: Sequence[Step]) -> list[Row]:
    """The rows of a tree that was looked up, with what the evidence adds to them; none where it lacks some of that."""
    known = {process.number: process for process in own if process.number}
    numbers = [_number(step.process_id) for step in around]
    if not all(process.number and process.number in numbers for process in own if process.level):
        return []
    return [
        Row(
            min(step.depth, _DEEPEST),
            replace(
                known.get(number, Process("")),
                program=basename(step.image) or "an unknown program",
                command=step.command_line,
                number=number,
                user=step.user,
                time=step.time,
                recorded=True,
            ),
        )
        for number, step in zip(numbers, around, strict=True)
    ]


class _Growing:
    def __init__(self) -> None:
        self.processes: list[Process] = []
        self._by_guid: dict[str, Process] = {}
        self._by_number: dict[str, list[Process]] = {}

    def add(self, happening: Happening) -> None:
        number, guid = _number(happening.value("ProcessId")), _guid(happening.value("ProcessGuid"))
        image = happening.value("Image")
        if not (number or guid or image):
            return
        process = self._of(number, guid, image, happening.time)
        process.user = process.user or happening.value("User")
        if rank(happening.level) > (rank(process.level) if process.level else -1):
            process.level = happening.level
        category = happening.event.category
        if category == "process_creation":
            self._started(process, happening)
        elif category == "network_connection":
            where = _where(happening)
            process.reached[where] = process.reached.get(where, 0) + 1
        elif file := happening.value("TargetFilename"):
            process.wrote[file] = process.wrote.get(file, 0) + 1

    def _started(self, process: Process, happening: Happening) -> None:
        process.recorded = True
        process.command = process.command or happening.value("CommandLine")
        parent_image = happening.value("ParentImage")
        number, guid = _number(happening.value("ParentProcessId")), _guid(happening.value("ParentProcessGuid"))
        if process.parent is not None or not (parent_image or guid or number):
            return
        if not parent_image and not guid and not self._known(number, happening.time):
            return  # a number alone says nothing to a reader
        parent = self._of(number, guid, parent_image, happening.time)
        if parent is process or _above(parent, process):
            return
        parent.command = parent.command or happening.value("ParentCommandLine")
        process.parent = parent
        parent.children.append(process)

    def _known(self, number: str, time: datetime | None) -> Process | None:
        near = (each for each in reversed(self._by_number.get(number, [])) if _is_near(each, time))
        return next(near, None) if number else None

    def _of(self, number: str, guid: str, image: str, time: datetime | None) -> Process:
        process = self._by_guid.get(guid) if guid else None
        if process is None:
            known = self._known(number, time)
            same = known and (not guid or not known.guid) and _is_same(known.image, image)
            process = known if known and same else None
        if process is None:
            process = Process(program=basename(image) or "an unknown program", image=image, number=number, time=time)
            self.processes.append(process)
            if number:
                self._by_number.setdefault(number, []).append(process)
        if guid and not process.guid:
            process.guid = guid
            self._by_guid[guid] = process
        if image and not process.image:
            process.image, process.program = image, basename(image) or process.program
        process.number = process.number or number
        process.last = max(filter(None, (process.last, time)), default=None)
        return process


def _is_near(process: Process, time: datetime | None) -> bool:
    return time is None or process.last is None or time - process.last <= _SAME


def _is_same(known: str, image: str) -> bool:
    return not known or not image or (basename(known) or "").lower() == (basename(image) or "").lower()


def _above(process: Process, other: Process) -> bool:
    """Whether `other` stands above `process` already."""
    above: Process | None = process
    while above is not None:
        if above is other:
            return True
        above = above.parent
    return False


def _rows(processes: Sequence[Process], depth: int) -> Iterator[Row]:
    for alike in _runs(processes):
        shown = alike if len(alike) <= _ALIKE + 1 else alike[:_ALIKE]
        for process in shown:
            yield Row(depth, process)
            if depth < _DEEPEST:
                yield from _rows(process.children, depth + 1)
        if len(shown) < len(alike):
            yield Row(depth, None, len(alike) - len(shown))


def _runs(processes: Iterable[Process]) -> Iterator[list[Process]]:
    """Children of one program that have no children themselves, together; the others one by one."""
    leaves: dict[tuple[str, str], list[Process]] = {}
    order: list[list[Process]] = []
    for process in processes:
        if process.children:
            order.append([process])
            continue
        key = (process.program.lower(), process.level)
        if key not in leaves:
            leaves[key] = []
            order.append(leaves[key])
        leaves[key].append(process)
    yield from order


def _where(happening: Happening) -> str:
    ip, name = happening.value("DestinationIp"), happening.value("DestinationHostname")
    port = happening.value("DestinationPort")
    host = name or (f"[{ip}]" if ":" in ip else ip) or "an unknown address"
    return f"{host}:{port}" if port else host


def _guid(text: str) -> str:
    bare = text.strip("{} ").upper()
    return bare if bare.strip("0-") else ""


def _number(text: str) -> str:
    """Decimal; nothing for the system itself and for what is no number."""
    try:
        number = int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        return ""
    return "" if number in (0, 1, 4) else str(number)
