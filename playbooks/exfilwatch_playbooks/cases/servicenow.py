"""ServiceNow: incidents and security incidents, over the Table API.

`correlation_id` is ours, and not unique: doubles are taken. A term of a query that ServiceNow does not know is
dropped, and then every row answers: each row is compared by value, and rows that do not fit say that the query did not
work. `^` and `javascript:` are live in queries: only keys of letters, digits and hyphens are asked for. An answer of
200 may have an error in it (a transaction that was cancelled), and texts longer than their column are cut without a
word.
Source: ServiceNow, REST API reference: Table API, Attachment API; "Inbound REST API rate limiting".
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urlencode

import httpx
import msgspec
from pydantic import SecretStr

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import duplicate_in, duplicate_mark, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render.plain import SERVICENOW
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_ROWS = 50
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FIELDS = (
    "sys_id,number,correlation_id,short_description,description,state,impact,urgency,priority,close_notes,opened_at"
)
# Impact and urgency, of which ServiceNow makes the priority; a security incident's priority can be set itself.
_INCIDENT = {"informational": "3/3", "low": "3/2", "medium": "2/2", "high": "2/1", "critical": "1/1"}
_SECURITY = {"informational": "5", "low": "4", "medium": "3", "high": "2", "critical": "1"}
_CLOSED = {"incident": ("6", "7", "8"), "sn_si_incident": ("3", "7")}
_OPEN = {"incident": "2", "sn_si_incident": "16"}


class ServiceNowSettings(Remote):
    """`user`, `password`; or `token` of OAuth or an API key's bearer. `table`: incident or sn_si_incident.
    `assignment_group`: its name. `open_state`, `closed_state`: what a reopened and a closed record's `state` is (of an
    incident 2 and 7, of a security incident 16 and 3). `close_code`: what closing asks for.
    """

    lacks = MappingProxyType({"labels": "records of ServiceNow get no labels from us: use `fields`"})
    user: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    table: Literal["incident", "sn_si_incident"] = "incident"
    assignment_group: str = ""
    open_state: str = ""
    closed_state: str = ""
    close_code: str = "Solution provided"


class _Row(msgspec.Struct):
    sys_id: str
    number: str = ""
    correlation_id: str = ""
    short_description: str = ""
    description: str = ""
    state: str = ""
    impact: str = ""
    urgency: str = ""
    priority: str = ""
    close_notes: str = ""
    opened_at: str = ""


class _Journal(msgspec.Struct):
    value: str = ""
    sys_created_on: str = ""


class _File(msgspec.Struct):
    file_name: str = ""
    size_bytes: str = "0"
    sys_id: str = ""


class _Rows(msgspec.Struct):
    result: list[_Row] = []


class _One(msgspec.Struct):
    result: _Row


class _Journals(msgspec.Struct):
    result: list[_Journal] = []


class _Files(msgspec.Struct):
    result: list[_File] = []


class ServiceNow(Tracker):
    """Its case ids are sys_ids."""

    kind = "servicenow"
    renderer = SERVICENOW
    capabilities = Capabilities()
    Settings = ServiceNowSettings

    def __init__(
        self,
        name: str,
        settings: ServiceNowSettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        if not settings.user and not settings.token.get_secret_value():
            raise CaseBlocked(f"case.{name}: give `user` and `password`, or `token`")
        auth = (settings.user, settings.password.get_secret_value()) if settings.user else None
        headers = {} if auth else {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
        self._http = Http(
            name, settings, auth=auth, headers=headers, explain=_explain, reading=_reading, transport=transport
        )
        self._set = settings
        self._table = f"/api/now/table/{settings.table}"
        security = settings.table == "sn_si_incident"
        self._words = words(_SECURITY if security else _INCIDENT, settings.severity)

    async def probe(self) -> Account:
        """The table answers (401 without credentials); that rows can be seen is proven by reading back what is made."""
        answer = await self._http.get(f"{self._table}?{urlencode({'sysparm_limit': 1, 'sysparm_fields': 'sys_id'})}")
        rows = self._http.decoded(answer, _Rows).result
        remarks = () if rows else (f"no record of {self._set.table} can be seen: there is none, or a role is missing",)
        return Account(who=self._set.user or "a token", where=f"{self._set.url}, {self._set.table}", remarks=remarks)

    async def holders(self, key: str) -> Sequence[Case]:
        """By correlation_id, by value."""
        if not re.fullmatch(r"[A-Za-z0-9-]+", key):
            return []  # it is none of ours, and would be more than a value in a query
        asked = {
            "sysparm_query": f"correlation_id={key}^ORDERBYsys_created_on",
            "sysparm_fields": _FIELDS,
            "sysparm_limit": _ROWS,
            "sysparm_exclude_reference_link": "true",
        }
        rows = self._http.decoded(await self._http.get(f"{self._table}?{urlencode(asked)}"), _Rows).result
        if any(row.correlation_id != key for row in rows):
            raise CaseBlocked(
                f"{self.name}: the query for correlation_id was not heeded: the account may not read that field"
            )
        return [await self._case(row) for row in rows]

    async def create(self, draft: Draft) -> Creation:
        """One request."""
        record = {
            **draft.fields,
            "correlation_id": draft.key,
            "correlation_display": "exfilwatch",
            "short_description": draft.title,
            "description": signed(draft.body, key_mark(draft.key), draft.mark),
            **self._severity(draft.level),
            **({"assignment_group": self._set.assignment_group} if self._set.assignment_group else {}),
            **({"assigned_to": self._set.assignee} if self._set.assignee else {}),
        }
        path = f"{self._table}?{urlencode({'sysparm_input_display_value': 'true', 'sysparm_fields': _FIELDS})}"
        try:
            answer = await self._http.change("POST", path, json=record, accept=frozenset({201}))
        except CaseError as error:
            return creation(error)
        return Created(self._http.decoded(answer, _One).result.sys_id)

    async def get(self, case_id: str) -> Case:
        """The record and its work notes."""
        return await self._case(await self._row(case_id))

    async def post(self, case: Case, note: Note) -> None:
        """As a work note, which customers do not see."""
        await self._change(case.id, {"work_notes": signed(note.text, note.key)})

    async def put_level(self, case_id: str, level: str) -> None:
        """As impact and urgency, or as priority."""
        await self._change(case_id, self._severity(level))

    async def put_status(self, case_id: str, status: Status) -> None:
        """As the state; closing wants a code and notes."""
        table = self._set.table
        if status == "open":
            await self._change(case_id, {"state": self._set.open_state or _OPEN[table], "close_notes": ""})
        else:
            await self._close(case_id, "Closed by exfilwatch.")

    async def supersede(self, case_id: str, by: str) -> None:
        """The other is its parent; its close notes say that it is a duplicate; closed."""
        await self._change(case_id, {"parent": by})
        await self._close(case_id, signed("A duplicate: work goes on in the parent.", duplicate_mark(by)))

    async def attached(self, case_id: str) -> dict[str, int]:
        """By name."""
        return {each.file_name: int(each.size_bytes or 0) for each in await self._files(case_id)}

    async def checksum(self, case_id: str, name: str) -> str:
        """By its content."""
        found = [each.sys_id for each in await self._files(case_id) if each.file_name == name]
        if not found or not _ID.fullmatch(found[0]):
            return ""
        path = f"/api/now/attachment/{found[0]}/file"
        content = (await self._http.get(path, headers={"Accept": "*/*"})).content
        return hashlib.sha256(content).hexdigest()

    async def _files(self, case_id: str) -> list[_File]:
        asked = {"sysparm_query": f"table_sys_id={_id(case_id)}", "sysparm_limit": 500}
        return self._http.decoded(await self._http.get(f"/api/now/attachment?{urlencode(asked)}"), _Files).result

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """As it is, named in the query."""
        asked = {"table_name": self._set.table, "table_sys_id": _id(case_id), "file_name": attachment.name}
        await self._http.change(
            "POST",
            f"/api/now/attachment/file?{urlencode(asked)}",
            content=attachment.content,
            headers={"Content-Type": attachment.media},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _severity(self, level: str) -> dict[str, str]:
        word = self._words[level]
        impact, _, urgency = word.partition("/")
        return {"impact": impact, "urgency": urgency} if urgency else {"priority": word}

    async def _close(self, case_id: str, notes: str) -> None:
        table = self._set.table
        state = self._set.closed_state or {"incident": "7", "sn_si_incident": "3"}[table]
        await self._change(case_id, {"state": state, "close_code": self._set.close_code, "close_notes": notes})

    async def _change(self, case_id: str, what: dict[str, str]) -> None:
        await self._http.change("PATCH", f"{self._table}/{_id(case_id)}?sysparm_fields=sys_id", json=what)

    async def _row(self, case_id: str) -> _Row:
        asked = urlencode({"sysparm_fields": _FIELDS, "sysparm_exclude_reference_link": "true"})
        return self._http.decoded(await self._http.get(f"{self._table}/{_id(case_id)}?{asked}"), _One).result

    async def _case(self, row: _Row) -> Case:
        asked = {
            "sysparm_query": f"element_id={row.sys_id}^element=work_notes^ORDERBYsys_created_on",
            "sysparm_fields": "value,sys_created_on",
            "sysparm_limit": 1000,
        }
        path = f"/api/now/table/sys_journal_field?{urlencode(asked)}"
        journal = self._http.decoded(await self._http.get(path), _Journals).result
        closing = marks_in(row.close_notes)
        duplicate_of = duplicate_in(closing)
        closed = row.state in {*_CLOSED[self._set.table], self._set.closed_state}
        word = row.priority if self._set.table == "sn_si_incident" else f"{row.impact}/{row.urgency}"
        return Case(
            id=row.sys_id,
            incident=row.correlation_id,
            title=row.short_description,
            level=level_of(self._words, word),
            body=row.description,
            status="duplicate" if closed and duplicate_of else "closed" if closed else "open",
            duplicate_of=duplicate_of if closed else None,
            opened=_time(row.opened_at),
            notes=tuple(
                CaseNote(
                    key=next(iter(marks_in(each.value)[-1:]), ""), text=each.value, time=_time(each.sys_created_on)
                )
                for each in journal
            ),
            marks=frozenset([*marks_in(row.description), *(mark for each in journal for mark in marks_in(each.value))]),
            url=f"{self._set.public_url or self._set.url}/nav_to.do?uri="
            + quote(f"{self._set.table}.do?sys_id={row.sys_id}", safe=""),
        )


def _id(case_id: str) -> str:
    return checked("ServiceNow", case_id, _ID)


def _time(text: str) -> datetime:
    """ServiceNow writes UTC without saying so."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


class _Problem(msgspec.Struct):
    message: str = ""
    detail: str | None = None


class _Failed(msgspec.Struct):
    error: _Problem | None = None


def _explain(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=ready(_Failed)).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f"{said.message}: {said.detail or ''}".strip(": ") if said else ""


def _reading(response: httpx.Response) -> CaseError | None:
    """An error in an answer of 200, and an instance that sleeps, which answers with a page of HTML."""
    if response.is_success and (said := _explain(response)):
        return CaseUnreachable(f"ServiceNow answered {response.status_code} with an error: {said}")
    if response.is_success and "text/html" in response.headers.get("Content-Type", ""):
        return CaseUnreachable("ServiceNow answered with a page: the instance sleeps, or a sign-in is in between")
    if response.status_code == 403 and "Business Rule" in _explain(response):
        return CaseRefused(f"ServiceNow: a business rule of the instance refused this: {_explain(response)}")
    return None
