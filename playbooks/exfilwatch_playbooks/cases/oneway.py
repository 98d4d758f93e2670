"""Systems that are told and can't be asked: a page, a mail, a webhook.

What was told once is in our own store (links.py). After an answer that was lost, it is told again, with the same id:
the receiver can see that it has it already, and the docs say how.
"""

from abc import ABC, abstractmethod
from datetime import UTC, datetime

from exfilwatch.errors import CaseError, CaseRefused
from exfilwatch_playbooks.cases.case import Attachment, Case, Draft, Note, Status
from exfilwatch_playbooks.cases.render.renderer import Renderer
from exfilwatch_playbooks.cases.settings import CaseSettings
from exfilwatch_playbooks.cases.system import Capabilities, Created, Creation, creation

_UNKNOWN = datetime.fromtimestamp(0, UTC)


class OneWay(ABC):
    """A case's id is its key. Nothing is read: a case is what was told of it."""

    kind: str
    renderer: Renderer
    capabilities = Capabilities(reads_notes=False, reopens=True, levels=True, attachments=False)

    def __init__(self, name: str, settings: CaseSettings) -> None:
        self.name = name
        self.settings = settings
        self._told: dict[str, Case] = {}

    @abstractmethod
    async def tell_opened(self, draft: Draft) -> None:
        """Tell of a new case. Raises CaseErrors."""

    @abstractmethod
    async def tell_note(self, case_id: str, note: Note) -> None:
        """Tell what is new about a case."""

    @abstractmethod
    async def tell_status(self, case_id: str, status: Status) -> None:
        """Tell that a case is open or closed from now on."""

    async def tell_file(self, case_id: str, attachment: Attachment) -> None:
        """Give a file."""
        raise CaseRefused(f"{self.name}: case {case_id} takes no file ({attachment.name})")

    async def close(self) -> None:  # noqa: B027 not all have connections
        """Close the connections."""

    async def find(self, key: str) -> Case | None:
        """What this process has told of it: nobody else can be asked."""
        return self._told.get(key)

    async def create(self, draft: Draft) -> Creation:
        """Tell it once."""
        try:
            await self.tell_opened(draft)
        except CaseError as error:
            return creation(error)
        self._told[draft.key] = _case(draft.key, draft.title, draft.level, draft.body)
        return Created(draft.key)

    async def converge(self, key: str, own: str | None) -> Case:
        """There is one: what was told under the key."""
        return await self.get(own or key)

    async def get(self, case_id: str) -> Case:
        """What is known of it: that it was told."""
        return self._told.get(case_id) or _case(case_id, "", "", "")

    async def add_note(self, case_id: str, note: Note) -> bool:
        """Tell it; a duplicate is told to be closed too."""
        await self.tell_note(case_id, note)
        if note.duplicate_of is not None:
            await self.set_status(case_id, "duplicate")
        return True

    async def attach(self, case_id: str, attachment: Attachment) -> bool:
        """Give a file."""
        await self.tell_file(case_id, attachment)
        return True

    async def set_status(self, case_id: str, status: Status) -> Case:
        """Tell it."""
        await self.tell_status(case_id, status)
        self._told[case_id] = (await self.get(case_id)).model_copy(update={"status": status})
        return self._told[case_id]


def _case(key: str, title: str, level: str, body: str) -> Case:
    return Case(id=key, incident=key, title=title, level=level, body=body, status="open", opened=_UNKNOWN)
