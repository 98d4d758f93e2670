"""Request Tracker 5: tickets over REST 2.0.

A custom field holds our key; so does the end of the subject, for a field with UniqueValues is dropped without a word
where another ticket has the value. Nothing is unique, on PostgreSQL not even that field: of several tickets the others
are merged into the oldest. Many refusals come as texts of an answer 200, so what was asked for is read back.
Source: https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import httpx
import msgspec
from pydantic import SecretStr, field_validator

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused
from exfilwatch.findings.store import Store
from exfilwatch.siem.connection import Texts
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render.plain import PLAIN
from exfilwatch_playbooks.cases.settings import Level, Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_PRIORITY = {"critical": "100", "high": "80", "medium": "50", "low": "20", "informational": "10"}
_PAGE = 100
_TEXTS = (
    {"field": "ContentType", "value": "text/plain"},
    {"field": "Filename", "operator": "IS", "value": "NULL"},
)
_LONGEST_SUBJECT = 200  # bytes: RT cuts off what is more without a word
_LONGEST_TEXT = 200_000  # bytes: what is longer is none of our notes


class RtSettings(Remote):
    """`url`: of RT, without /REST/2.0. `user`, `password`: an account that may see the queue, create, comment on and
    modify its tickets, see and modify their custom fields. `key_field`: the custom field that holds our key.
    `opened`, `closed_as`: the status that a ticket gets; `closed_statuses`: all that mean that it is closed. `fields`:
    other custom fields. `severity`: priorities, as numbers. `assignee`: the owner.
    """

    lacks = MappingProxyType({"labels": "tickets of Request Tracker have no labels: use `fields`"})
    user: str
    password: SecretStr
    queue: str
    key_field: str = "FindingId"
    opened: str = "open"
    closed_as: str = "resolved"
    closed_statuses: Texts = ("resolved", "rejected", "deleted")

    @field_validator("severity")
    @classmethod
    def _numbers(cls, severity: dict[Level, str]) -> dict[Level, str]:
        """On SQLite, RT keeps any text as a priority."""
        if wrong := [word for word in severity.values() if not re.fullmatch(r"[0-9]{1,9}", word)]:
            raise ValueError(f"priorities of Request Tracker are numbers, not {wrong[0]!r}")
        return severity


class _Field(msgspec.Struct):
    name: str = ""
    values: list[str] = []


class _Queue(msgspec.Struct):
    fields: list[_Field] = msgspec.field(name="TicketCustomFields", default=[])


class _Person(msgspec.Struct):
    id: str | int = ""


class _Ticket(msgspec.Struct):
    id: str | int
    owner: _Person = msgspec.field(name="Owner", default_factory=_Person)
    subject: str = msgspec.field(name="Subject", default="")
    status: str = msgspec.field(name="Status", default="")
    priority: str = msgspec.field(name="Priority", default="")
    created: str = msgspec.field(name="Created", default="")
    fields: list[_Field] = msgspec.field(name="CustomFields", default=[])


class _Tickets(msgspec.Struct):
    items: list[_Ticket] = []


class _File(msgspec.Struct):
    id: str | int
    name: str = msgspec.field(name="Filename", default="")
    media: str = msgspec.field(name="ContentType", default="")
    size: int = msgspec.field(name="ContentLength", default=0)
    created: str = msgspec.field(name="Created", default="")
    content: str = msgspec.field(name="Content", default="")


class _Content(msgspec.Struct):
    content: str = msgspec.field(name="Content", default="")


class _Files(msgspec.Struct):
    items: list[_File] = []


class _New(msgspec.Struct):
    id: str | int


class RequestTracker(Tracker):
    """Cases are tickets."""

    Settings = RtSettings
    kind = "rt"
    renderer = replace(PLAIN, title_limit=160)
    capabilities = Capabilities()

    def __init__(
        self,
        name: str,
        settings: RtSettings,
        _store: Store | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, settings)
        self._configured = settings
        self._wanted: dict[str, Mapping[str, str]] = {}
        self._priority = words(_PRIORITY, settings.severity)
        account = (settings.user, settings.password.get_secret_value())
        self._http = Http(name, settings, auth=account, explain=_message, transport=transport)

    async def probe(self) -> Account:
        """By the queue, which only those see who may, and its custom fields."""
        queue, key = self._configured.queue, self._configured.key_field
        try:
            response = await self._http.get(f"/REST/2.0/queue/{queue}")
        except CaseRefused as error:
            raise CaseBlocked(f"{error}: check `queue`, and what the account may see") from None
        there = {each.name for each in self._http.decoded(response, _Queue).fields}
        if missing := [name for name in (key, *self._configured.fields) if name not in there]:
            raise CaseBlocked(f"{self.name}: queue {queue} has no custom field {missing[0]} that the account sees")
        return Account(self._configured.user, f"{self._configured.url}, queue {queue}")

    async def holders(self, key: str) -> Sequence[Case]:
        """By the field, and by the end of the subject; both compared whole. The oldest with its notes."""
        if not key:
            return []
        settings = self._configured
        ended = _quoted(_ending(key))
        query = (
            f"Queue = {_quoted(settings.queue)} AND "
            f"('CF.{{{settings.key_field}}}' = {_quoted(key)} OR Subject LIKE {ended})"
        )
        asked = {"query": query, "fields": "Subject,Status,Priority,Created,CustomFields", "per_page": str(_PAGE)}
        response = await self._http.get("/REST/2.0/tickets", params=asked)
        found = self._http.decoded(response, _Tickets).items
        held = sorted((each for each in found if self._key(each) == key), key=lambda each: int(each.id))
        return [await self._case(each, with_notes=each is held[0]) for each in held]

    async def get(self, case_id: str) -> Case:
        """See CaseSystem. A ticket that was merged answers as the one that it went into."""
        return await self._case(await self._ticket(case_id))

    async def create(self, draft: Draft) -> Creation:
        """One request."""
        settings = self._configured
        ending = f" {_ending(draft.key)}"
        ticket: dict[str, object] = {
            "Queue": settings.queue,
            "Subject": draft.title.encode()[: _LONGEST_SUBJECT - len(ending)].decode("utf-8", "ignore") + ending,
            "Content": signed(draft.body, key_mark(draft.key), draft.mark),
            "ContentType": "text/plain",
            "Priority": self._priority[draft.level],
            "CustomFields": {settings.key_field: draft.key, **draft.fields},
        }
        if settings.assignee:
            ticket["Owner"] = settings.assignee
        if draft.follows:
            ticket["RefersTo"] = [draft.follows]
        try:
            response = await self._http.change("POST", "/REST/2.0/ticket", json=ticket)
        except CaseError as error:
            return creation(error)
        made = str(self._http.decoded(response, _New).id)
        if settings.assignee or draft.fields:
            self._wanted[made] = draft.fields
        return Created(made)

    async def converge(self, key: str, own: str | None) -> Case:
        """See CaseSystem. RT says 201 and leaves out whom it does not know or who may not own tickets, and fields that
        the account may not set. That is told once: the case is there, and the next run goes on with it.
        """
        case = await super().converge(key, own)
        wanted = self._wanted.pop(own or "", None)
        if wanted is None or case.id != own:
            return case
        ticket = await self._ticket(case.id)
        has = {each.name: each.values for each in ticket.fields}
        ignored = [name for name, value in wanted.items() if value and not has.get(name)]
        owner = str(ticket.owner.id).lower()
        if self._configured.assignee and owner in ("", "nobody"):
            ignored.append(f"the owner {self._configured.assignee}")
        if ignored:
            raise CaseBlocked(
                f"{self.name}: case {case.id} was opened, and RT ignored what was asked for: {', '.join(ignored)}. "
                "Check names and rights (OwnTicket, ModifyCustomField); the case is gone on with as it is"
            )
        return case

    async def post(self, case: Case, note: Note) -> None:
        """A comment: nobody outside gets it by mail."""
        sent = {"Content": signed(note.text, note.key), "ContentType": "text/plain"}
        await self._http.change("POST", f"/REST/2.0/ticket/{case.id}/comment", json=sent)

    async def put_level(self, case_id: str, level: str) -> None:
        """See Tracker."""
        await self._http.change("PUT", f"/REST/2.0/ticket/{case_id}", json={"Priority": self._priority[level]})

    async def put_status(self, case_id: str, status: Status) -> None:
        """See Tracker."""
        word = self._configured.opened if status == "open" else self._configured.closed_as
        await self._http.change("PUT", f"/REST/2.0/ticket/{case_id}", json={"Status": word})

    async def supersede(self, case_id: str, by: str) -> None:
        """Merged: the other ticket's texts are then in this one. So is its key, which only one of them may have."""
        loser, best = await self._ticket(case_id), await self._ticket(by)
        key = self._key(loser)
        if loser.id != best.id:
            await self._http.change("PUT", f"/REST/2.0/ticket/{case_id}", json={"MergeInto": by})
            loser, best = await self._ticket(case_id), await self._ticket(by)  # which may have gone on into another
        if loser.id != best.id:
            raise CaseRefused(f"{self.name}: case {case_id} was not merged into {by}: may the account modify both?")
        if key == self._key(best) and not self._held(best):
            field = {"CustomFields": {self._configured.key_field: key}}
            await self._http.change("PUT", f"/REST/2.0/ticket/{best.id}", json=field)

    async def attached(self, case_id: str) -> dict[str, int]:
        """See Tracker."""
        return {each.name: each.size for each in await self._files(case_id) if each.name}

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """In a comment."""
        content = base64.b64encode(attachment.content).decode()
        file = {"FileName": attachment.name, "FileType": attachment.media, "FileContent": content}
        said = f"File {attachment.name}, SHA-256 {attachment.checksum}"
        sent = {"Content": said, "ContentType": "text/plain", "Attachments": [file]}
        await self._http.change("POST", f"/REST/2.0/ticket/{case_id}/comment", json=sent)

    async def checksum(self, case_id: str, name: str) -> str:
        """By its content, which RT gives in base64 of one file at a time; of many, texts as they are."""
        found = [each.id for each in await self._files(case_id) if each.name == name]
        if not found:
            return ""
        file = self._http.decoded(await self._http.get(f"/REST/2.0/attachment/{int(found[0])}"), _Content)
        return hashlib.sha256(base64.b64decode(file.content)).hexdigest()

    async def close(self) -> None:
        """See CaseSystem."""
        await self._http.close()

    async def _ticket(self, case_id: str) -> _Ticket:
        if not (case_id.isascii() and case_id.isdecimal()):
            raise CaseRefused(f"{self.name}: there is no case {case_id!r}")
        return self._http.decoded(await self._http.get(f"/REST/2.0/ticket/{case_id}"), _Ticket)

    async def _files(
        self, case_id: str, wanted: Sequence[dict[str, str]] = (), *, content: bool = False
    ) -> list[_File]:
        """The parts of all messages, those of tickets that were merged too: files, and the messages' own texts."""
        fields = "Filename,ContentType,ContentLength,Created" + (",Content" if content else "")
        found: list[_File] = []
        page = 1
        while True:
            asked = {"fields": fields, "per_page": str(_PAGE), "page": str(page)}
            path = f"/REST/2.0/ticket/{case_id}/attachments"
            response = await self._http.ask("POST", path, params=asked, json=list(wanted))
            items = self._http.decoded(response, _Files).items
            found += items
            if len(items) < _PAGE:
                return found
            page += 1

    async def _case(self, ticket: _Ticket, *, with_notes: bool = True) -> Case:
        case_id = str(ticket.id)
        files = await self._files(case_id, _TEXTS, content=True) if with_notes else []
        texts = [each for each in files if each.size < _LONGEST_TEXT]
        notes = [note for each in texts for note in _notes(each)]
        is_closed = ticket.status in self._configured.closed_statuses
        key = self._key(ticket)
        public = self._configured.public_url or self._configured.url
        return Case(
            id=case_id,
            incident=key,
            title=ticket.subject.removesuffix(_ending(key)).rstrip(),
            level=level_of(self._priority, ticket.priority),
            body="",
            status="closed" if is_closed else "open",
            opened=_time(ticket.created),
            notes=tuple(notes),
            marks=frozenset(note.key for note in notes),
            url=f"{public}/Ticket/Display.html?id={case_id}",
        )

    def _held(self, ticket: _Ticket) -> list[str]:
        """What our field has."""
        return [value for each in ticket.fields if each.name == self._configured.key_field for value in each.values]

    def _key(self, ticket: _Ticket) -> str:
        if held := self._held(ticket):
            return held[0]
        _, found, key = ticket.subject.rpartition("[exfilwatch ")
        return key[:-1] if found and key.endswith("]") else ""


def _notes(file: _File) -> list[CaseNote]:
    """Those whose marks a text has."""
    text = _text(file.content)
    return [CaseNote(key=mark, text=text, time=_time(file.created)) for mark in marks_in(text)]


def _ending(key: str) -> str:
    """Of a subject."""
    return f"[exfilwatch {key}]"


def _quoted(text: str) -> str:
    """For TicketSQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _text(content: str) -> str:
    """RT gives contents in base64, or as they are where it takes them for text."""
    if " " in content.strip():
        return content
    try:
        return base64.b64decode(content).decode("utf-8", "replace")
    except ValueError:
        return content


def _message(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=dict[str, str] | list[str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return said.get("message", "") if isinstance(said, dict) else "; ".join(said)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
