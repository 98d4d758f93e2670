"""DFIR-IRIS 2.4: cases, over its API.

IRIS has no unique key: ours is the case's SOC id, compared by value in the list of all cases. What came later is a note
in a folder of ours. Its errors are always 400, with `status: error`; an answer of 200 is one only with `status:
success`. Source: docs.dfir-iris.org, API reference 2.0.x (manage/cases, case/notes, datastore, manage/severities).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import httpx
import msgspec
from pydantic import Field

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused
from exfilwatch.siem.connection import Token
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import duplicate_in, duplicate_mark, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render.markdown import MARKDOWN
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_FOLDER = "exfilwatch"
_SEVERITY = {
    "informational": "Informational",
    "low": "Low",
    "medium": "Medium",
    "high": "High",
    "critical": "Critical",
}
T = TypeVar("T")


class IrisSettings(Remote):
    """`api_key`: of a user with the right to make cases. `customer`: the number of the customer of the cases."""

    lacks = MappingProxyType({"assignee": "a case of DFIR-IRIS is owned by the account that makes it"})
    api_key: Token
    customer: Annotated[int, Field(ge=1)] = 1


class _Listed(msgspec.Struct):
    case_id: int
    case_soc_id: str | None = None


class _Details(msgspec.Struct):
    case_id: int
    case_name: str = ""
    case_description: str = ""
    case_soc_id: str | None = None
    open_date: str | None = None
    close_date: str | None = None
    severity_id: int | None = None
    case_uuid: str = ""


class _Made(msgspec.Struct):
    case_id: int


class _Severity(msgspec.Struct):
    severity_id: int
    severity_name: str


class _NoteName(msgspec.Struct):
    id: int
    title: str = ""


class _Folder(msgspec.Struct):
    id: int
    name: str = ""
    notes: list[_NoteName] = []


class _Text(msgspec.Struct):
    note_content: str = ""
    note_creationdate: str = ""


class _User(msgspec.Struct):
    user_name: str = ""


class Iris(Tracker):
    """Its case ids are numbers."""

    kind = "iris"
    renderer = MARKDOWN
    capabilities = Capabilities()
    Settings = IrisSettings

    def __init__(
        self,
        name: str,
        settings: IrisSettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
        self._http = Http(name, settings, headers=headers, explain=_explain, reading=_reading, transport=transport)
        self._set = settings
        self._words = words(_SEVERITY, settings.severity)
        self._severities: dict[str, int] | None = None

    async def probe(self) -> Account:
        """Who the key is; a wrong one is sent to the page for signing in."""
        user = self._data(await self._http.get("/user/whoami"), _User)
        await self._numbers()
        return Account(who=user.user_name or "the key's user", where=self._set.url)

    async def holders(self, key: str) -> Sequence[Case]:
        """By SOC id, among all cases that the user can see."""
        cases = self._data(await self._http.get("/manage/cases/list"), list[_Listed])
        # A SOC id is a field that people write in: what else there is must not be taken for ours.
        return [await self.get(str(each.case_id)) for each in cases if each.case_soc_id == key]

    async def create(self, draft: Draft) -> Creation:
        """One request."""
        case = {
            **draft.fields,
            "case_soc_id": draft.key,
            "case_customer": self._set.customer,
            "case_name": draft.title,
            "case_description": signed(draft.body, key_mark(draft.key), draft.mark),
            "severity_id": (await self._numbers()).get(self._words[draft.level].lower()),
            "case_tags": ",".join(["exfilwatch", *self._set.labels]),
        }
        try:
            answer = await self._http.change("POST", "/manage/cases/add", json=case)
        except CaseError as error:
            return creation(error)
        return Created(str(self._data(answer, _Made).case_id))

    async def get(self, case_id: str) -> Case:
        """The case and our notes in it."""
        found = self._data(await self._http.get(f"/manage/cases/{checked(self.name, case_id)}"), _Details)
        notes: list[CaseNote] = []
        for each in (await self._folder(case_id)).notes:
            text = self._data(await self._http.get(f"/case/notes/{each.id}?cid={checked(self.name, case_id)}"), _Text)
            marks = marks_in(text.note_content)
            key = marks[-1] if marks else ""
            notes.append(CaseNote(key=key, text=text.note_content, time=_time(text.note_creationdate)))
        known = {number: name for name, number in (await self._numbers()).items()}
        told = [mark for note in notes for mark in marks_in(note.text)]
        duplicate_of = duplicate_in(told)
        closed = found.close_date is not None
        return Case(
            id=str(found.case_id),
            incident=found.case_soc_id or "",
            title=found.case_name,
            level=level_of(self._words, known.get(found.severity_id or 0, "")),
            body=found.case_description,
            status="duplicate" if closed and duplicate_of else "closed" if closed else "open",
            duplicate_of=duplicate_of if closed else None,
            opened=_time(found.open_date or ""),
            notes=tuple(notes),
            marks=frozenset([*marks_in(found.case_description), *told]),
            url=f"{self._set.public_url or self._set.url}/case?cid={found.case_id}",
        )

    async def post(self, case: Case, note: Note) -> None:
        """As a note in our folder."""
        await self._note(case.id, note.key[:80], signed(note.text, note.key))

    async def put_level(self, case_id: str, level: str) -> None:
        """As the severity."""
        number = (await self._numbers()).get(self._words[level].lower())
        await self._http.change(
            "POST", f"/manage/cases/update/{checked(self.name, case_id)}", json={"severity_id": number}
        )

    async def put_status(self, case_id: str, status: Status) -> None:
        """Opened again, or closed."""
        what = "reopen" if status == "open" else "close"
        await self._http.change("POST", f"/manage/cases/{what}/{checked(self.name, case_id)}")

    async def supersede(self, case_id: str, by: str) -> None:
        """A note that names the other; closed."""
        mark = duplicate_mark(by)
        case = await self.get(case_id)
        if mark not in case.marks:
            await self._note(case_id, mark, signed(f"A duplicate: work goes on in case {by}.", mark))
        if case.status == "open":
            await self.put_status(case_id, "closed")

    async def attached(self, case_id: str) -> dict[str, int]:
        """By name, in the case's data store."""
        return {name: size for name, size, _ in _files(await self._tree(case_id))}

    async def checksum(self, case_id: str, name: str) -> str:
        """IRIS makes the SHA-256 of what it keeps."""
        return next((found for each, _, found in _files(await self._tree(case_id)) if each == name), "")

    async def _tree(self, case_id: str) -> dict[str, Any]:
        path = f"/datastore/list/tree?cid={checked(self.name, case_id)}"
        return self._data(await self._http.get(path), dict[str, Any])

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """Into the top folder of the case's data store."""
        tree = await self._tree(case_id)
        top = next(iter(tree), "").removeprefix("d-")
        if not top.isdecimal():
            raise CaseRefused(f"{self.name}: case {case_id} has no data store")
        form = {
            "file_original_name": attachment.name,
            "file_description": f"SHA-256 {attachment.checksum}",
            "file_is_evidence": "y",
        }
        files = {"file_content": (attachment.name, attachment.content, attachment.media)}
        await self._http.change(
            "POST", f"/datastore/file/add/{top}?cid={checked(self.name, case_id)}", data=form, files=files
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _data(self, answer: httpx.Response, kind: type[T]) -> T:
        return msgspec.convert(self._http.decoded(answer, _Answer).data, ready(kind), strict=False)

    async def _numbers(self) -> dict[str, int]:
        """The numbers of severities by their names in lower case."""
        if self._severities is None:
            found = self._data(await self._http.get("/manage/severities/list"), list[_Severity])
            self._severities = {each.severity_name.lower(): each.severity_id for each in found}
        return self._severities

    async def _folder(self, case_id: str) -> _Folder:
        """Our folder of notes; number 0 where there is none yet."""
        path = f"/case/notes/directories/filter?cid={checked(self.name, case_id)}"
        folders = self._data(await self._http.get(path), list[_Folder])
        return next((each for each in folders if each.name == _FOLDER), _Folder(id=0))

    async def _note(self, case_id: str, title: str, text: str) -> None:
        folder = (await self._folder(case_id)).id
        if not folder:
            made = {"name": _FOLDER, "parent_id": None}
            path = f"/case/notes/directories/add?cid={checked(self.name, case_id)}"
            folder = self._data(await self._http.change("POST", path, json=made), _Folder).id
        note = {"note_title": title, "note_content": text, "directory_id": folder}
        await self._http.change("POST", f"/case/notes/add?cid={checked(self.name, case_id)}", json=note)


class _Answer(msgspec.Struct):
    status: str = ""
    message: str = ""
    data: Any = None


def _files(node: object) -> list[tuple[str, int, str]]:
    """The names, sizes and SHA-256 of the files in a tree of folders ("d-1") and files ("f-1")."""
    if not isinstance(node, dict):
        return []
    found: list[tuple[str, int, str]] = []
    for name, each in node.items():
        if str(name).startswith("f-") and isinstance(each, dict):
            made = str(each.get("file_sha256") or "").lower()
            found.append((str(each.get("file_original_name", "")), int(each.get("file_size") or 0), made))
        elif isinstance(each, dict):
            found += _files(each)
    return found


def _time(text: str) -> datetime:
    """ISO, or as lists have it (05/01/2024), in UTC."""
    for form in ("%m/%d/%Y", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text[:26], form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return datetime.fromtimestamp(0, UTC)


def _explain(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=ready(_Answer))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f"{said.message} {said.data if isinstance(said.data, (str, dict)) else ''}".strip()


def _reading(response: httpx.Response) -> CaseError | None:
    """An answer of 200 that is none; 400 of somebody without rights; the page for signing in, to which a wrong key is
    sent.
    """
    if 300 <= response.status_code < 400 and "login" in response.headers.get("Location", ""):
        return CaseBlocked("DFIR-IRIS wants to be signed in to: check `api_key`")
    said = _explain(response)
    if response.status_code == 400 and ("permission" in said.lower() or "not authorized" in said.lower()):
        return CaseBlocked(f"DFIR-IRIS: the key's user lacks a right: {said}")
    if response.is_success:
        try:
            answer = msgspec.json.decode(response.content, type=ready(_Answer))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if answer.status != "success":
            return CaseRefused(f"DFIR-IRIS answered {response.status_code} with {answer.status}: {said}")
    return None
