"""GitLab issues, over REST API v4.

GitLab has no unique key: ours is a label of its own, and the last line of the description, which is what counts.
Lists show by default only what one has created: `scope=all`. Files are uploads of the project, named in a note.
Source: docs.gitlab.com/api/issues, notes, project uploads, issue_links.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

import httpx
import msgspec
from pydantic import Field

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused
from exfilwatch.siem.connection import Token, Url
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import duplicate_in, duplicate_mark, key_in, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render.git import GIT
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_PAGE = 100
_REPORTER = 20
_FILE = re.compile(r"file ([\w.-]+) (\d+)")
_SEVERITY = {level: f"severity::{level}" for level in ("informational", "low", "medium", "high", "critical")}


class GitLabSettings(Remote):
    """`project`: its id or GROUP/NAME. `token`: of a user or the project, scope api, at least Reporter (Developer to
    close others' issues). `issue_type`: issue or incident. `confidential`: whether only members see the cases.
    `assignee`: a user's name or number.
    """

    url: Url = "https://gitlab.com"
    project: Annotated[str, Field(pattern=r"^[\w./-]+$")]
    token: Token
    issue_type: Literal["issue", "incident"] = "issue"
    confidential: bool = True


class _Issue(msgspec.Struct):
    iid: int
    title: str
    state: str
    created_at: datetime
    web_url: str = ""
    description: str | None = None
    labels: list[str] = []


class _Note(msgspec.Struct):
    body: str
    created_at: datetime
    system: bool = False


class _Access(msgspec.Struct):
    access_level: int = 0


class _Permissions(msgspec.Struct):
    project_access: _Access | None = None
    group_access: _Access | None = None


class _Project(msgspec.Struct):
    id: int
    path_with_namespace: str
    archived: bool = False
    issues_enabled: bool = True
    permissions: _Permissions = msgspec.field(default_factory=_Permissions)


class _User(msgspec.Struct):
    username: str
    id: int = 0


class _Upload(msgspec.Struct):
    url: str


class GitLab(Tracker):
    """Its case ids are the project's own numbers of issues (iid)."""

    kind = "gitlab"
    renderer = GIT
    capabilities = Capabilities()
    Settings = GitLabSettings

    def __init__(
        self,
        name: str,
        settings: GitLabSettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        headers = {"PRIVATE-TOKEN": settings.token.get_secret_value()}
        self._http = Http(name, settings, headers=headers, explain=_explain, transport=transport)
        self._project = f"/api/v4/projects/{quote(settings.project, safe='')}"
        self._set = settings
        self._words = words(_SEVERITY, settings.severity)

    async def probe(self) -> Account:
        """Who the token is, and what it may do in the project."""
        user = self._http.decoded(await self._http.get("/api/v4/user"), _User)
        project = self._http.decoded(await self._http.get(self._project), _Project)
        if project.archived or not project.issues_enabled:
            why = "is archived" if project.archived else "has its issues switched off"
            raise CaseBlocked(f"{self.name}: {project.path_with_namespace} {why}")
        await self._assignees()
        given = (project.permissions.project_access, project.permissions.group_access)
        level = max((each.access_level for each in given if each), default=0)
        remarks = () if level >= _REPORTER else ("the token's role is below Reporter: labels may be dropped",)
        return Account(who=user.username, where=project.path_with_namespace, remarks=remarks)

    async def holders(self, key: str) -> Sequence[Case]:
        """By label; and by text among the newest, for labels of those who may not set any are dropped."""
        query = f"scope=all&state=all&per_page={_PAGE}&order_by=created_at&sort=desc"
        labelled = await self._http.get(f"{self._project}/issues?{query}&labels={quote(_label(key))}")
        newest = await self._http.get(f"{self._project}/issues?{query}")
        both = (*self._http.decoded(labelled, list[_Issue]), *self._http.decoded(newest, list[_Issue]))
        ours = {each.iid: each for each in both if key_in(each.description or "") == key}
        return [await self._case(each) for each in ours.values()]

    async def create(self, draft: Draft) -> Creation:
        """One request; the labels come to be with it."""
        issue = {
            **draft.fields,
            "title": draft.title,
            "description": signed(draft.body, key_mark(draft.key), draft.mark),
            "labels": ",".join([*self._set.labels, _label(draft.key), self._words[draft.level]]),
            "issue_type": self._set.issue_type,
            "confidential": self._set.confidential,
        }
        try:
            if self._set.assignee:
                issue["assignee_ids"] = await self._assignees()
            answer = await self._http.change("POST", f"{self._project}/issues", json=issue, accept=frozenset({201}))
        except CaseError as error:
            return creation(error)
        return Created(str(self._http.decoded(answer, _Issue).iid))

    async def _assignees(self) -> list[int]:
        """The number of the user that the settings name."""
        name = self._set.assignee
        if not name or name.isdecimal():
            return [int(name)] if name else []
        answer = await self._http.get("/api/v4/users", params={"username": name})
        found = [each.id for each in self._http.decoded(answer, list[_User]) if each.username.lower() == name.lower()]
        if not found:
            raise CaseBlocked(f"{self.name}: GitLab shows no user {name}: check `assignee`")
        return found

    async def get(self, case_id: str) -> Case:
        """The issue and its notes."""
        answer = await self._http.get(f"{self._project}/issues/{checked(self.name, case_id)}")
        return await self._case(self._http.decoded(answer, _Issue))

    async def post(self, case: Case, note: Note) -> None:
        """As a note."""
        await self._note(case.id, signed(note.text, note.key))

    async def put_level(self, case_id: str, level: str) -> None:
        """Replace the label of the severity."""
        others = [word for name, word in self._words.items() if name != level]
        await self._change(case_id, {"add_labels": self._words[level], "remove_labels": ",".join(others)})

    async def put_status(self, case_id: str, status: Status) -> None:
        """Open or closed."""
        await self._change(case_id, {"state_event": "reopen" if status == "open" else "close"})

    async def supersede(self, case_id: str, by: str) -> None:
        """Linked to the other, told in a note, and closed."""
        link = {"target_project_id": self._set.project, "target_issue_iid": by, "link_type": "relates_to"}
        linked = frozenset({200, 201, 409})  # 409: they are linked already
        await self._http.change(
            "POST", f"{self._project}/issues/{checked(self.name, case_id)}/links", json=link, accept=linked
        )
        await self._note(case_id, signed(f"Duplicate of #{by}", duplicate_mark(by)))
        await self._change(case_id, {"state_event": "close"})

    async def attached(self, case_id: str) -> dict[str, int]:
        """The files that notes of ours name, with their sizes."""
        marks = (await self.get(case_id)).marks
        return {found[1]: int(found[2]) for mark in marks if (found := _FILE.fullmatch(mark))}

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """As an upload of the project, and a note that links to it."""
        files = {"file": (attachment.name, attachment.content, attachment.media)}
        sent = await self._http.change("POST", f"{self._project}/uploads", files=files)
        url = self._http.decoded(sent, _Upload).url
        if not re.fullmatch(r"/uploads/[\w-]+/[\w.-]+", url):
            raise CaseRefused(f"{self.name}: the upload of {attachment.name} got an odd address")
        text = f"[{attachment.name}]({url}), SHA-256 `{attachment.checksum}`"
        await self._note(case_id, signed(text, f"file {attachment.name} {len(attachment.content)}"))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _change(self, case_id: str, what: dict[str, object]) -> None:
        await self._http.change("PUT", f"{self._project}/issues/{checked(self.name, case_id)}", json=what)

    async def _note(self, case_id: str, text: str) -> None:
        await self._http.change(
            "POST", f"{self._project}/issues/{checked(self.name, case_id)}/notes", json={"body": text}
        )

    async def _case(self, issue: _Issue) -> Case:
        notes: list[_Note] = []
        for page in range(1, 101):
            path = f"{self._project}/issues/{issue.iid}/notes?sort=asc&per_page={_PAGE}&page={page}"
            found = self._http.decoded(await self._http.get(path), list[_Note])
            notes += found
            if len(found) < _PAGE:
                break
        told = [(each, marks_in(each.body)) for each in notes if not each.system]
        marks = [mark for _, found in told for mark in found]
        duplicate_of = duplicate_in(marks)
        if issue.state != "closed":
            duplicate_of = None
        known = [level for label in issue.labels if (level := level_of(self._words, label))]
        return Case(
            id=str(issue.iid),
            incident=key_in(issue.description or ""),
            title=issue.title,
            level=known[0] if len(known) == 1 else "",
            body=issue.description or "",
            status="duplicate" if duplicate_of else "closed" if issue.state == "closed" else "open",
            duplicate_of=duplicate_of,
            opened=issue.created_at,
            notes=tuple(
                CaseNote(key=found[-1] if found else "", text=each.body, time=each.created_at) for each, found in told
            ),
            marks=frozenset([*marks_in(issue.description or ""), *marks]),
            url=issue.web_url,
        )


def _label(key: str) -> str:
    return f"exfilwatch::{key}"


def _explain(response: httpx.Response) -> str:
    """{"message": text or {"field": [...]}} or {"error": text}."""
    try:
        said = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return " ".join(bytes(said[name]).decode("utf-8", "replace") for name in ("message", "error") if name in said)
