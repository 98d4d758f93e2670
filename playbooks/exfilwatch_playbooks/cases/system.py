"""What a case system must be able to do, and what most of them have in common.

`CaseSystem` is what the engine (opening.py) works with. A system over a network is best made from `Tracker`, which
needs only what differs: how to prove the account, list who holds a key, create, read, and change. A third party
registers its class under the entry point group `exfilwatch.case`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch_playbooks.cases.case import Attachment, Case, Draft, Note, Status
from exfilwatch_playbooks.cases.render.renderer import Renderer
from exfilwatch_playbooks.cases.settings import CaseSettings


@dataclass(frozen=True)
class Capabilities:
    """What a system can do.

    `unique`: it refuses a second case with a key by itself (its own lock). `lag`: seconds until what was written is
    found by its search. `reads_notes`: what was added can be read (of a mail or a page it can't). `reopens`, `levels`,
    `attachments`: a closed case can be opened again, the severity changed, files added. `attachment_limit`: bytes.
    """

    unique: bool = False
    lag: float = 0.0
    reads_notes: bool = True
    reopens: bool = True
    levels: bool = True
    attachments: bool = True
    attachment_limit: int = 10_000_000


@dataclass(frozen=True)
class Account:
    """Proof that the system answers us: as whom, where, and what there is to say about the settings."""

    who: str
    where: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Created:
    """The case is there, made by this call."""

    case_id: str


@dataclass(frozen=True)
class Exists:
    """The system refused: it has a case with this key."""

    case_id: str | None = None


@dataclass(frozen=True)
class Ambiguous:
    """Whether the case is there is not known: the answer was lost, late, or no answer of the system."""

    why: CaseUnreachable


Creation: TypeAlias = Created | Exists | Ambiguous


class CaseSystem(Protocol):
    """Each method raises CaseError: CaseUnreachable (ask again, after its `wait`), CaseRefused (this is not taken),
    CaseBlocked (a person must change something). No method repeats a change whose outcome it does not know.
    """

    @property
    def name(self) -> str:
        """Its name in the settings: the store keeps by it what was told."""

    @property
    def kind(self) -> str:
        """local, roundup, ..."""

    @property
    def settings(self) -> CaseSettings:
        """What is configured for it."""

    @property
    def renderer(self) -> Renderer:
        """The markup that titles, bodies and notes are written in, and how long they may be."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    async def probe(self) -> Account:
        """Prove that the account is known and that cases can be looked for. Never from an empty list: a wrong key gets
        one of those from some systems too.
        """

    async def find(self, key: str) -> Case | None:
        """The case that holds the key, open or closed, compared by value; of several the one that wins."""

    async def create(self, draft: Draft) -> Creation:
        """Open a case, without looking for one first; asked once, whatever happens."""

    async def converge(self, key: str, own: str | None) -> Case:
        """After `create`: of all cases that hold the key one wins, which is the same one for all workers; the others
        are merged into it, or linked to it and closed. `own`: the id of the case that `create` made. The winner is read
        back: CaseBlocked when the system has ignored what was asked for.
        """

    async def get(self, case_id: str) -> Case:
        """The case with this id. CaseRefused when there is none."""

    async def add_note(self, case_id: str, note: Note) -> bool:
        """Add a note, and set the level and the duplicate that it names. False, and nothing added, when the case has
        its mark.
        """

    async def attach(self, case_id: str, attachment: Attachment) -> bool:
        """Add a file, read back. False, and nothing added, when the case has it."""

    async def set_status(self, case_id: str, status: Status) -> Case:
        """Open or close a case; the case as it is then. CaseRefused when it did not change."""

    async def close(self) -> None:
        """Close the connections."""


class Tracker(ABC):
    """A system over a network. `signed` and `marks_in` (marks.py) put marks into a text and find them again."""

    kind: str
    renderer: Renderer
    capabilities: Capabilities

    def __init__(self, name: str, settings: CaseSettings) -> None:
        self.name = name
        self.settings = settings

    @abstractmethod
    async def probe(self) -> Account:
        """See CaseSystem."""

    @abstractmethod
    async def holders(self, key: str) -> Sequence[Case]:
        """All cases that hold the key, open, closed or duplicate, each compared by value. Also those in which only
        the text has it, where the system may drop the field that should.
        """

    @abstractmethod
    async def create(self, draft: Draft) -> Creation:
        """See CaseSystem. CaseUnreachable of a request that may have arrived is Ambiguous: see `creation`."""

    @abstractmethod
    async def get(self, case_id: str) -> Case:
        """See CaseSystem."""

    @abstractmethod
    async def post(self, case: Case, note: Note) -> None:
        """Add the note's text, signed with its mark, to a case that does not have it."""

    @abstractmethod
    async def put_level(self, case_id: str, level: str) -> None:
        """Ask for the severity."""

    @abstractmethod
    async def put_status(self, case_id: str, status: Status) -> None:
        """Ask for the status."""

    @abstractmethod
    async def supersede(self, case_id: str, by: str) -> None:
        """Merge the case into the one with the id `by`, or link it to that and close it; twice is as once."""

    @abstractmethod
    async def attached(self, case_id: str) -> dict[str, int]:
        """The names of the case's files, with their sizes in bytes."""

    @abstractmethod
    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """Add a file that the case does not have."""

    async def checksum(self, case_id: str, name: str) -> str:  # noqa: ARG002 not all can tell
        """SHA-256, hexadecimal, of a file of the case as the system has it now; "" where it can't be told."""
        return ""

    async def close(self) -> None:  # noqa: B027 not all have connections
        """See CaseSystem."""

    async def find(self, key: str) -> Case | None:
        """See CaseSystem."""
        return winner(await self.holders(key))

    async def converge(self, key: str, own: str | None) -> Case:
        """See CaseSystem."""
        held = list(await self.holders(key))
        if own is not None and own not in {case.id for case in held}:
            mine = await self.get(own)
            if mine.id in {case.id for case in held} or (mine.status == "duplicate" and held):
                pass  # merged since
            elif held:
                held.append(mine)  # it was created, and the system kept its key from it
            elif self.capabilities.lag and mine.incident == key:
                held.append(mine)  # its search is late
            else:
                raise CaseBlocked(
                    f"{self.name}: case {own} was opened, and does not hold its key {key}: the system dropped the "
                    "field. Check that it exists and may be written; the case is gone on with when it has the key"
                )
        best = winner(held)
        if best is None:
            raise CaseUnreachable(f"{self.name}: no case holds the key {key} yet")
        losers = _losers(held, best)
        if own in losers and len(losers) > 1:
            # The others' makers do the same, now; those of them that have died are left. Who wins is seen anew: a case
            # that is older may have come to light.
            await self.supersede(own, best.id)
            held = list(await self.holders(key))
            best = winner(held) or best
            losers = _losers(held, best)
        for loser in losers:
            await self.supersede(loser, best.id)
        return best

    async def add_note(self, case_id: str, note: Note) -> bool:
        """See CaseSystem."""
        case = await self.get(case_id)
        added = note.key not in case.marks
        if added:
            await self.post(case, note)
        if note.duplicate_of is not None and case.status != "duplicate":
            await self.supersede(case_id, note.duplicate_of)
        elif note.level and self.capabilities.levels and case.level != note.level:
            await self.put_level(case_id, note.level)
        return added

    async def attach(self, case_id: str, attachment: Attachment) -> bool:
        """See CaseSystem."""
        size = len(attachment.content)
        if (await self.attached(case_id)).get(attachment.name) == size:
            await self._is_whole(case_id, attachment)
            return False
        if size > self.capabilities.attachment_limit:
            raise CaseRefused(f"{self.name}: {attachment.name} has {size:,} bytes, which is more than it takes")
        await self.upload(case_id, attachment)
        found = (await self.attached(case_id)).get(attachment.name)
        if found != size:
            raise CaseRefused(f"{self.name}: {attachment.name} was not kept whole in case {case_id}: {found} bytes")
        await self._is_whole(case_id, attachment)
        return True

    async def _is_whole(self, case_id: str, attachment: Attachment) -> None:
        """Raises CaseRefused for a file that is something else now."""
        try:
            kept = await self.checksum(case_id, attachment.name)
        except (CaseRefused, CaseBlocked):  # it does not give it back
            return
        if kept and kept != attachment.checksum:
            raise CaseRefused(
                f"{self.name}: {attachment.name} was kept as something else in case {case_id} (SHA-256 {kept})"
            )

    async def set_status(self, case_id: str, status: Status) -> Case:
        """See CaseSystem."""
        case = await self.get(case_id)
        if case.status != status:
            await self.put_status(case_id, status)
            case = await self.get(case_id)
        if case.status != status:
            raise CaseRefused(
                f"{self.name}: case {case_id} is still {case.status}, though {status} was asked for and no error told: "
                "check the status names in the settings and what the account may do"
            )
        return case


def winner(cases: Sequence[Case]) -> Case | None:
    """Of several cases with one key the one that goes on, whoever asks: the oldest that is no duplicate."""
    return min(cases, key=lambda case: (case.status == "duplicate", *_age(case)), default=None)


def _losers(cases: Sequence[Case], best: Case) -> list[str]:
    """The ids of those that are still to be merged into the best, or linked to it and closed."""
    return [case.id for case in cases if case.id != best.id and case.status != "duplicate"]


def _age(case: Case) -> tuple[object, ...]:
    """Ids that are numbers are given in order; others are not, and times may be equal."""
    return (0, int(case.id), "") if case.id.isdecimal() else (1, case.opened.timestamp(), case.id)


def creation(error: CaseError) -> Ambiguous:
    """What a create that failed so is. Raises the error where it is sure that nothing was created."""
    if isinstance(error, CaseUnreachable) and error.sent:
        return Ambiguous(error)
    raise error
