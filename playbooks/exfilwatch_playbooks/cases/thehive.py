"""TheHive 5: alerts and cases, over API v1.

An alert's type, source and sourceRef are unique together: TheHive itself refuses a second one (400, CreateError), which
is why alerts are the default. Cases have no unique key; theirs is a tag and the last line of the description.
Source: docs.strangebee.com, TheHive API documentation 5.x (alert, case, comment, attachment, query).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, Self

import httpx
import msgspec
from pydantic import model_validator

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused
from exfilwatch.siem.connection import Token
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import duplicate_in, duplicate_mark, key_in, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render.markdown import MARKDOWN
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Exists, Tracker, creation

_PAGE = 200
_ID = re.compile(r"~[0-9]{1,19}", re.ASCII)
_SHA256 = 64  # characters of one, hexadecimal
_SEVERITY = {"informational": "1", "low": "1", "medium": "2", "high": "3", "critical": "4"}
_RIGHTS = {"alert": ("manageAlert/create", "manageAlert/update"), "case": ("manageCase/create", "manageCase/update")}


class TheHiveSettings(Remote):
    """`api_key`: of a user of the organisation with the profile analyst. `object`: alert or case.
    `organisation`: where the user belongs to several. `source`: the alerts' source.
    `closed_status`, `open_status`, `duplicate_status`: as this TheHive calls them.
    """

    api_key: Token
    object: Literal["alert", "case"] = "alert"
    organisation: str = ""
    source: str = "exfilwatch"
    open_status: str = "InProgress"
    closed_status: str = ""
    duplicate_status: str = ""

    @model_validator(mode="after")
    def _alerts_are_nobodys(self) -> Self:
        if self.assignee and self.object == "alert":
            raise ValueError('assignee: alerts of TheHive are assigned to nobody: use object = "case"')
        return self


class _Item(msgspec.Struct):
    _id: str
    title: str = ""
    description: str = ""
    severity: int = 0
    status: str = ""
    stage: str = ""
    tags: list[str] = []
    sourceRef: str = ""  # noqa: N815 the API's name
    date: int = 0
    startDate: int = 0  # noqa: N815


class _Comment(msgspec.Struct):
    message: str = ""
    createdAt: int = 0  # noqa: N815


class _File(msgspec.Struct):
    name: str = ""
    size: int = 0
    hashes: list[str] = []


class _User(msgspec.Struct):
    login: str
    organisation: str = ""
    permissions: list[str] = []


class TheHive(Tracker):
    """Its case ids are TheHive's own (~ and digits)."""

    kind = "thehive"
    renderer = MARKDOWN
    Settings = TheHiveSettings

    def __init__(
        self,
        name: str,
        settings: TheHiveSettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
        if settings.organisation:
            headers["X-Organisation"] = settings.organisation
        self._http = Http(name, settings, headers=headers, explain=_explain, transport=transport)
        self._set = settings
        self._alerts = settings.object == "alert"
        self._path = f"/api/v1/{settings.object}"
        self._words = words(_SEVERITY, settings.severity)
        self.capabilities = Capabilities(unique=self._alerts)

    async def probe(self) -> Account:
        """Who the key is, and whether it may make what is configured."""
        user = self._http.decoded(await self._http.get("/api/v1/user/current"), _User)
        missing = [right for right in _RIGHTS[self._set.object] if right not in user.permissions]
        if missing:
            raise CaseBlocked(f"{self.name}: {user.login} has not the permission {' and '.join(missing)}")
        return Account(who=user.login, where=f"{self._set.url}, organisation {user.organisation}")

    async def holders(self, key: str) -> Sequence[Case]:
        """By sourceRef, or by tag; compared by value."""
        field, value = ("sourceRef", key) if self._alerts else ("tags", _tag(key))
        found = await self._ask(
            {"_name": "listAlert" if self._alerts else "listCase"},
            {"_name": "filter", "_eq": {"_field": field, "_value": value}},
            {"_name": "page", "from": 0, "to": _PAGE},
        )
        items = self._http.decoded(found, list[_Item])
        return [await self._case(each) for each in items if self._key_of(each) == key]

    async def create(self, draft: Draft) -> Creation:
        """One request."""
        item: dict[str, object] = {
            "customFields": [{"name": name, "value": text} for name, text in draft.fields.items()],
            "title": draft.title,
            "description": signed(draft.body, key_mark(draft.key), draft.mark),
            "severity": int(self._words[draft.level]),
            "tags": [*self._set.labels, _tag(draft.key)],
        }
        if self._alerts:
            item |= {"type": "exfilwatch", "source": self._set.source, "sourceRef": draft.key}
        elif self._set.assignee:
            item["assignee"] = self._set.assignee
        try:
            answer = await self._http.change("POST", self._path, json=item, accept=frozenset({201}))
        except CaseRefused as error:
            if self._alerts and "already exist" in str(error):
                found = await self.find(draft.key)
                return Exists(found.id if found else None)
            raise
        except CaseError as error:
            return creation(error)
        return Created(self._http.decoded(answer, _Item)._id)

    async def get(self, case_id: str) -> Case:
        """The item and its comments."""
        return await self._case(await self._item(case_id))

    async def post(self, case: Case, note: Note) -> None:
        """As a comment."""
        await self._comment(case.id, signed(note.text, note.key))

    async def put_level(self, case_id: str, level: str) -> None:
        """As the severity, 1 to 4."""
        await self._change(case_id, {"severity": int(self._words[level])})

    async def put_status(self, case_id: str, status: Status) -> None:
        """By its name; statuses are a TheHive's own, these are those it comes with."""
        closed = self._set.closed_status or ("Ignored" if self._alerts else "Other")
        await self._change(case_id, {"status": self._set.open_status if status == "open" else closed})

    async def supersede(self, case_id: str, by: str) -> None:
        """The status of duplicates, and a comment that names the other."""
        await self._comment(case_id, signed(f"A duplicate: work goes on in {by}.", duplicate_mark(by.strip("~"))))
        status = self._set.duplicate_status or ("Duplicate" if self._alerts else "Duplicated")
        await self._change(case_id, {"status": status})

    async def attached(self, case_id: str) -> dict[str, int]:
        """By name."""
        return {each.name: each.size for each in await self._files(case_id)}

    async def checksum(self, case_id: str, name: str) -> str:
        """TheHive makes the SHA-256 of what it keeps, among others."""
        hashes = [found for each in await self._files(case_id) if each.name == name for found in each.hashes]
        return next((each.lower() for each in hashes if len(each) == _SHA256), "")

    async def _files(self, case_id: str) -> list[_File]:
        return self._http.decoded(await self._ask(self._one(case_id), {"_name": "attachments"}), list[_File])

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """As a form."""
        files = {"attachments": (attachment.name, attachment.content, attachment.media)}
        await self._http.change("POST", f"{self._path}/{self._id(case_id)}/attachments", files=files)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _id(self, case_id: str) -> str:
        return checked(self.name, case_id, _ID)

    async def _ask(self, *steps: dict[str, object]) -> httpx.Response:
        return await self._http.ask("POST", "/api/v1/query", json={"query": list(steps)})

    def _one(self, case_id: str) -> dict[str, object]:
        return {"_name": "getAlert" if self._alerts else "getCase", "idOrName": self._id(case_id)}

    async def _item(self, case_id: str) -> _Item:
        return self._http.decoded(await self._http.get(f"{self._path}/{self._id(case_id)}"), _Item)

    async def _change(self, case_id: str, what: dict[str, object]) -> None:
        await self._http.change("PATCH", f"{self._path}/{self._id(case_id)}", json=what)

    async def _comment(self, case_id: str, text: str) -> None:
        path = f"{self._path}/{self._id(case_id)}/comment"
        await self._http.change("POST", path, json={"message": text})

    async def _case(self, item: _Item) -> Case:
        found = await self._ask(self._one(item._id), {"_name": "comments"})
        comments = sorted(self._http.decoded(found, list[_Comment]), key=lambda each: each.createdAt)
        told = [(each, marks_in(each.message)) for each in comments]
        marks = [mark for _, of_comment in told for mark in of_comment]
        duplicate_of = duplicate_in(marks)
        closed = item.stage == "Closed"
        return Case(
            id=item._id,
            incident=self._key_of(item),
            title=item.title,
            level=level_of(self._words, str(item.severity)),
            body=item.description,
            status="duplicate" if closed and duplicate_of else "closed" if closed else "open",
            duplicate_of=f"~{duplicate_of}" if closed and duplicate_of else None,
            opened=_time(item.date or item.startDate),
            notes=tuple(
                CaseNote(key=of[-1] if of else "", text=each.message, time=_time(each.createdAt)) for each, of in told
            ),
            marks=frozenset([*marks_in(item.description), *marks]),
            url=f"{self._set.public_url or self._set.url}/{self._set.object}s/{item._id}/details",
        )

    def _key_of(self, item: _Item) -> str:
        return item.sourceRef if self._alerts else key_in(item.description)


def _tag(key: str) -> str:
    return f"exfilwatch:{key}"


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class _Problem(msgspec.Struct):
    type: str = ""
    message: str = ""


def _explain(response: httpx.Response) -> str:
    """{"type": "CreateError", "message": text}."""
    try:
        said = msgspec.json.decode(response.content, type=ready(_Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f"{said.type}: {said.message}".strip(": ")
