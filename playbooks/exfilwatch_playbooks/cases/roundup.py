"""Roundup: issues over its REST interface.

A property of the issues holds our key; where schema.py makes it their key (`issue.setkey`), the tracker itself refuses
a second one. A message carries its mark as its message-id, so that the marks of a case are read without its texts. A
change names the state that it changes (If-Match), so that of two workers one is refused.
Source: https://www.roundup-tracker.org/docs/rest.html
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeAlias
from urllib.parse import quote, unquote

import httpx
import msgspec
from pydantic import SecretStr, StringConstraints

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.findings.store import Store
from exfilwatch.siem.connection import Texts, Url
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.render.plain import PLAIN
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Exists, Tracker, creation

_SEVERITY = {
    "critical": "critical",
    "high": "urgent",
    "medium": "bug",
    "low": "feature",
    "informational": "wish",
}
_OURS = "@exfilwatch>"
_OUR_FILE = re.compile(r"-[0-9a-f]{12}\.\w+$")
_TRIES = 5
_NOTHING = "exfilwatch-no-such-key"

Value: TypeAlias = str | int | float | bool | list[str] | dict[str, object] | None
Item: TypeAlias = dict[str, Value]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")]


class RoundupSettings(Remote):
    """`url`: of the tracker, as its config.ini has it (`web`). `origin`: what it is called by itself, if `url` is
    another address. `user`, `password`: an account with REST access. `key_field`: the property that holds our key.
    `opened`, `closed_as`: the status that a case gets; `closed_statuses`: all that mean that it is closed. `fields`:
    other properties of the issue. `labels`: keywords that exist.
    """

    user: str
    password: SecretStr
    origin: Url | None = None
    key_field: Name = "finding_id"
    opened: str = "unread"
    closed_as: str = "resolved"
    closed_statuses: Texts = ("resolved", "done-cbb")


class _Data(msgspec.Struct):
    collection: list[Item] = []
    attributes: Item = {}
    id: str = ""
    etag: str = msgspec.field(name="@etag", default="")


class _Answer(msgspec.Struct):
    data: _Data


class _Error(msgspec.Struct):
    msg: str = ""


class _Refusal(msgspec.Struct):
    error: _Error


class Roundup(Tracker):
    """Cases are issues."""

    Settings = RoundupSettings
    kind = "roundup"
    renderer = PLAIN
    capabilities = Capabilities()

    def __init__(
        self,
        name: str,
        settings: RoundupSettings,
        _store: Store | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, settings)
        self._configured = settings
        self._severity = words(_SEVERITY, settings.severity)
        site = httpx.URL(settings.origin or settings.url)
        origin = f"{site.scheme}://{site.netloc.decode()}"
        self._http = Http(
            name,
            settings,
            auth=(settings.user, settings.password.get_secret_value()),
            headers={"X-Requested-With": "rest", "Origin": origin},
            explain=_message,
            reading=_reading,
            transport=transport,
        )
        self._files: dict[str, tuple[list[str], str]] = {}
        self._contents: dict[str, tuple[int, str]] = {}
        self._checksums: dict[tuple[str, str], str] = {}
        self._wanted = f"title,status.name,priority.name,superseder,messages,creation,{settings.key_field}"

    async def probe(self) -> Account:
        """By the account's own record, and by a question for our property, which the tracker must know."""
        user = self._configured.user
        found = await self._collection("user", {"username:": user, "@fields": "username"})
        if [each.get("username") for each in found] != [user]:
            raise CaseBlocked(f"{self.name}: does not know its own account {user}: check `user` and `password`")
        key = self._configured.key_field
        try:
            if await self.holders(_NOTHING):
                raise CaseBlocked(f"{self.name}: gives issues that were not asked for when {key} is looked for")
        except CaseRefused as error:
            raise CaseBlocked(f"{error}: issues need the property {key}: see the page Cases") from None
        return Account(user, self._configured.url)

    async def holders(self, key: str) -> Sequence[Case]:
        """By our property, whole and equal."""
        field = self._configured.key_field
        found = await self._collection("issue", {f"{field}:": key, "@fields": self._wanted})
        return [await self._case(str(each["id"]), each) for each in found if each.get(field) == key]

    async def get(self, case_id: str) -> Case:
        """See CaseSystem."""
        return (await self._read(case_id))[0]

    async def create(self, draft: Draft) -> Creation:
        """A message, then the issue that has it: a message without issue is seen by nobody."""
        settings = self._configured
        try:
            message = await self._message(draft.mark, draft.body)
            issue: dict[str, object] = {
                "title": draft.title,
                settings.key_field: draft.key,
                "messages": [message],
                "status": settings.opened,
                "priority": self._severity[draft.level],
                **draft.fields,
            }
            if settings.labels:
                issue["keyword"] = list(settings.labels)
            if settings.assignee:
                issue["assignedto"] = settings.assignee
            response = await self._http.change("POST", self._path("issue"), json=issue)
        except _Conflict as error:
            # Other things that are wrong are a conflict too.
            held = await self.holders(draft.key)
            if not held:
                raise CaseRefused(str(error)) from None
            return Exists(held[0].id)
        except CaseError as error:
            return creation(error)
        return Created(self._http.decoded(response, _Answer).data.id)

    async def post(self, case: Case, note: Note) -> None:
        """Unless another worker was faster: whoever changes a case that was changed meanwhile is refused."""
        message = ""
        for _ in range(_TRIES):
            current, etag, item = await self._read(case.id)
            if note.key in current.marks:
                return
            message = message or await self._message(note.key, note.text)
            values: dict[str, object] = {"messages": [*_ids(item.get("messages")), message]}
            if current.status != "open":
                # Classic trackers open a closed issue that gets a message, unless its status is told too.
                values["status"] = item.get("status.name")
            if await self._changed(case.id, etag, values):
                return
        raise CaseUnreachable(f"{self.name}: case {case.id} is changed all the time: run again", sent=False)

    async def put_level(self, case_id: str, level: str) -> None:
        """See Tracker."""
        await self._change(case_id, {"priority": self._severity[level]})

    async def put_status(self, case_id: str, status: Status) -> None:
        """See Tracker. An issue that is opened again is nobody's duplicate."""
        if status == "open":
            await self._change(case_id, {"status": self._configured.opened, "superseder": []})
        else:
            await self._change(case_id, {"status": self._configured.closed_as})

    async def supersede(self, case_id: str, by: str) -> None:
        """Roundup has a property for it."""
        await self._change(case_id, {"superseder": [by], "status": self._configured.closed_as})

    async def attached(self, case_id: str) -> dict[str, int]:
        """By the files' own records; those that are not ours are not read, and none twice: what is in one stays so."""
        files, _ = self._files[case_id] = await self._files_of(case_id)
        if not files:
            return {}
        found = await self._collection("file", {"id": files, "@fields": "name"})
        for each in found:
            file, name = str(each["id"]), str(each.get("name"))
            if file not in self._contents:
                self._contents[file] = await self._content(file) if _OUR_FILE.search(name) else (0, "")
            self._checksums[case_id, name] = self._contents[file][1]
        return {str(each.get("name")): self._contents[str(each["id"])][0] for each in found}

    async def checksum(self, case_id: str, name: str) -> str:
        """Of what `attached` read last."""
        return self._checksums.get((case_id, name), "")

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """A file, then the issue that has it, if it is still what `attached` saw."""
        told = {"name": attachment.name, "type": attachment.media}
        sent = {"content": (attachment.name, attachment.content, attachment.media)}
        response = await self._http.change("POST", self._path("file"), data=told, files=sent)
        file = self._http.decoded(response, _Answer).data.id
        seen = self._files.pop(case_id, None)
        for _ in range(_TRIES):
            files, etag = seen or await self._files_of(case_id)
            if await self._changed(case_id, etag, {"files": [*files, file]}):
                return
            seen = None
        raise CaseUnreachable(f"{self.name}: case {case_id} is changed all the time: run again", sent=False)

    async def close(self) -> None:
        """See CaseSystem."""
        await self._http.close()

    async def _files_of(self, case_id: str) -> tuple[list[str], str]:
        """The numbers of a case's files, and its state's name."""
        response = await self._http.get(self._path("issue", case_id), params={"@fields": "files", "@verbose": "0"})
        data = self._http.decoded(response, _Answer).data
        return _ids(data.attributes.get("files")), data.etag

    async def _content(self, file: str) -> tuple[int, str]:
        """Bytes of a file, as the tracker gives it to people, and its SHA-256."""
        content = (await self._http.get(f"/file{file}/content")).content
        return len(content), hashlib.sha256(content).hexdigest()

    async def _message(self, mark: str, text: str) -> str:
        """The id of a new message. One that a crash leaves over is in no issue, and seen by nobody."""
        sent = {"content": text, "type": "text/plain", "author": self._configured.user, "date": "."}
        response = await self._http.change("POST", self._path("msg"), json={**sent, "messageid": _message_id(mark)})
        return self._http.decoded(response, _Answer).data.id

    async def _read(self, case_id: str) -> tuple[Case, str, Item]:
        """A case, its state's name (ETag), and its properties."""
        if not case_id.isdecimal():
            raise CaseRefused(f"{self.name}: there is no case {case_id!r}")
        params = {"@fields": self._wanted, "@verbose": "0"}
        response = await self._http.get(self._path("issue", case_id), params=params)
        data = self._http.decoded(response, _Answer).data
        return await self._case(case_id, data.attributes), data.etag, data.attributes

    async def _case(self, case_id: str, item: Item) -> Case:
        status = str(item.get("status.name") or "")
        superseder = _ids(item.get("superseder"))
        is_closed = status in self._configured.closed_statuses
        notes = await self._notes(_ids(item.get("messages")))
        public = self._configured.public_url or self._configured.url
        return Case(
            id=case_id,
            incident=str(item.get(self._configured.key_field) or ""),
            title=str(item.get("title") or ""),
            level=level_of(self._severity, str(item.get("priority.name") or "")),
            body="",
            status="duplicate" if is_closed and superseder else "closed" if is_closed else "open",
            duplicate_of=superseder[0] if is_closed and superseder else None,
            opened=_time(item.get("creation")),
            notes=tuple(notes),
            marks=frozenset(note.key for note in notes),
            url=f"{public}/issue{case_id}",
        )

    async def _notes(self, messages: Sequence[str]) -> list[CaseNote]:
        """Those that are ours, without their texts."""
        if not messages:
            return []
        found = await self._collection("msg", {"id": list(messages), "@fields": "messageid,date"})
        ours = ((_mark(each.get("messageid")), each) for each in found)
        return [CaseNote(key=mark, text="", time=_time(each.get("date"))) for mark, each in ours if mark]

    async def _collection(self, name: str, params: dict[str, str | list[str]]) -> list[Item]:
        asked = {**params, "@verbose": "0"}
        response = await self._http.get(self._path(name), params=asked)
        return self._http.decoded(response, _Answer).data.collection

    async def _change(self, case_id: str, values: dict[str, object]) -> None:
        for _ in range(_TRIES):
            if await self._changed(case_id, (await self._read(case_id))[1], values):
                return
        raise CaseUnreachable(f"{self.name}: case {case_id} is changed all the time: run again", sent=False)

    async def _changed(self, case_id: str, etag: str, values: dict[str, object]) -> bool:
        """Whether the case was still what it was, and is now what was asked for."""
        accept = frozenset({200, 412})
        response = await self._http.change(
            "PATCH", self._path("issue", case_id), json=values, headers={"If-Match": etag}, accept=accept
        )
        return response.status_code == 200

    @staticmethod
    def _path(*parts: str) -> str:
        return "/".join(("/rest/data", *(quote(part, safe="") for part in parts)))


class _Conflict(CaseRefused):
    """What the tracker calls a conflict."""


def _message(response: httpx.Response) -> str:
    try:
        return msgspec.json.decode(response.content, type=ready(_Refusal)).error.msg
    except (msgspec.DecodeError, UnicodeDecodeError):
        return response.text[:200] if response.headers.get("Content-Type", "").startswith("text/plain") else ""


def _reading(response: httpx.Response) -> CaseError | None:
    said = _message(response)
    if response.status_code == 409:
        return _Conflict(f"{response.request.method} {response.request.url.path} answered 409: {said}")
    if response.status_code == 400 and "Client is not allowed to use Rest Interface" in said:
        return CaseBlocked(
            f"{said} Set `origin` to the address that the tracker's config.ini has as `web`, or put ours into its "
            "allowed_api_origins"
        )
    if response.status_code == 400 and (not said or "Please check the server log" in said):
        # How it answers what went wrong inside, such as a database that was locked for too long.
        return CaseUnreachable(f"{response.request.method} {response.request.url.path} failed inside: {said or 400}")
    return None


def _message_id(mark: str) -> str:
    return f"<{quote(mark, safe='')}{_OURS}"


def _mark(message_id: Value) -> str:
    text = message_id if isinstance(message_id, str) else ""
    return unquote(text[1 : -len(_OURS)]) if text.startswith("<") and text.endswith(_OURS) else ""


def _ids(value: Value) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _time(value: Value) -> datetime:
    """UTC, to the second, as Roundup writes it: 2026-11-28.02:35:40."""
    try:
        return datetime.strptime(str(value)[:19], "%Y-%m-%d.%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
