"""Jira: Cloud (REST API v3, documents in ADF) and Data Center (v2, wiki markup).

Jira has no unique key: ours is a label, which JQL finds, an entity property, and the last line of the description. In
Cloud, search is late by some seconds (`/search/jql` is eventually consistent): the issues that this process has made
are named in `reconcileIssues`, and the engine looks again later. Statuses change by transitions, of which a project has
its own: the one that leads to the wanted category of status is taken.
Source: developer.atlassian.com/cloud/jira/platform/rest/v3 (search, issues, comments, transitions, links, attachments,
myself, permissions) and docs.atlassian.com/software/jira/docs/api/REST (Data Center 9, 10).
"""

import hashlib
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import key_in, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render import adf
from exfilwatch_playbooks.cases.render.jira_wiki import JIRA_WIKI
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_PAGE = 100
_RECONCILED = 50  # by the API
_LAG = 10.0  # seconds; not documented, seen in practice
_NEEDED = ("BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES", "LINK_ISSUES")
_PRIORITY = {"informational": "Lowest", "low": "Low", "medium": "Medium", "high": "High", "critical": "Highest"}
_FIELDS = ["summary", "description", "labels", "status", "priority", "created", "issuelinks", "attachment"]


class JiraSettings(Remote):
    """`project`: its key. `edition`: cloud or datacenter (default: by the address). `user`, `token`: in Cloud the mail
    address and an API token; in Data Center the token alone is a personal access token. `issue_type`: by name.
    `duplicate_link`: the name of the type of link; `resolution`: given where closing asks for one.
    `priority`: whether the severity is written as the priority, which a project may not have.
    """

    project: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    edition: Literal["cloud", "datacenter", ""] = ""
    user: str = ""
    token: SecretStr
    issue_type: str = "Task"
    duplicate_link: str = "Duplicate"
    resolution: str = ""
    priority: bool = True

    @model_validator(mode="after")
    def _complete(self) -> "JiraSettings":
        if self.cloud and not self.user:
            raise ValueError("Jira Cloud wants `user`, the mail address that the token belongs to")
        return self

    @property
    def cloud(self) -> bool:
        """Which of the two it is."""
        return self.edition == "cloud" or (
            not self.edition and (urlsplit(self.url).hostname or "").endswith(".atlassian.net")
        )


class _Category(msgspec.Struct):
    key: str = ""


class _StatusField(msgspec.Struct):
    name: str = ""
    statusCategory: _Category = msgspec.field(default_factory=_Category)  # noqa: N815 the API's name


class _Named(msgspec.Struct):
    name: str = ""


class _Other(msgspec.Struct):
    id: str


class _Link(msgspec.Struct):
    type: _Named
    outwardIssue: _Other | None = None  # noqa: N815


class _File(msgspec.Struct):
    filename: str
    size: int
    id: str = ""


class _Fields(msgspec.Struct):
    summary: str = ""
    description: Any = None
    labels: list[str] = []
    status: _StatusField = msgspec.field(default_factory=_StatusField)
    priority: _Named | None = None
    created: str = "1970-01-01T00:00:00.000+0000"
    issuelinks: list[_Link] = []
    attachment: list[_File] = []


class _Issue(msgspec.Struct):
    id: str
    key: str = ""
    fields: _Fields = msgspec.field(default_factory=_Fields)


class _Found(msgspec.Struct):
    issues: list[_Issue] = []
    nextPageToken: str | None = None  # noqa: N815
    total: int = 0


class _Comment(msgspec.Struct):
    created: str
    body: Any = None


class _Comments(msgspec.Struct):
    comments: list[_Comment] = []
    total: int = 0


class _Step(msgspec.Struct):
    id: str
    name: str = ""
    to: _StatusField = msgspec.field(default_factory=_StatusField)
    fields: dict[str, msgspec.Raw] = {}


class _Steps(msgspec.Struct):
    transitions: list[_Step] = []


class _Resolutions(msgspec.Struct):
    required: bool = False
    allowedValues: list[_Named] = []  # noqa: N815


class _Myself(msgspec.Struct):
    displayName: str = ""  # noqa: N815


class _Right(msgspec.Struct):
    havePermission: bool = False  # noqa: N815


class _Rights(msgspec.Struct):
    permissions: dict[str, _Right] = {}


class Jira(Tracker):
    """Its case ids are issue ids, which stay when an issue moves."""

    kind = "jira"
    Settings = JiraSettings

    def __init__(
        self,
        name: str,
        settings: JiraSettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        self._cloud = settings.cloud
        self.renderer = adf.ADF if self._cloud else JIRA_WIKI
        self.capabilities = Capabilities(lag=_LAG if self._cloud else 0.0)
        token = settings.token.get_secret_value()
        auth = (settings.user, token) if settings.user else None
        headers = {} if auth else {"Authorization": f"Bearer {token}"}
        self._http = Http(name, settings, auth=auth, headers=headers, explain=_explain, transport=transport)
        self._api = f"/rest/api/{3 if self._cloud else 2}"
        self._set = settings
        self._words = words(_PRIORITY, settings.severity)
        self._made: deque[str] = deque(maxlen=_RECONCILED)

    async def probe(self) -> Account:
        """Who we are (anonymous is 401 here; a search would answer with nothing), and our rights in the project."""
        me = self._http.decoded(await self._http.get(f"{self._api}/myself"), _Myself)
        asked = f"permissions={','.join(_NEEDED)}&projectKey={self._set.project}"
        rights = self._http.decoded(await self._http.get(f"{self._api}/mypermissions?{asked}"), _Rights).permissions
        missing = [name for name in _NEEDED if name not in rights or not rights[name].havePermission]
        for name in ("BROWSE_PROJECTS", "CREATE_ISSUES"):
            if name in missing:
                raise CaseBlocked(f"{self.name}: {me.displayName} has not the right {name} in {self._set.project}")
        return Account(
            who=me.displayName,
            where=f"{self._set.url}, project {self._set.project}",
            remarks=tuple(f"the right {name} is missing" for name in missing),
        )

    async def holders(self, key: str) -> Sequence[Case]:
        """By label, each compared with what its own fields say."""
        jql = f'project = "{self._set.project}" AND labels = "{_label(key)}" ORDER BY created ASC'
        wanted: dict[str, object] = {"jql": jql, "fields": _FIELDS, "maxResults": _PAGE}
        if self._cloud and self._made:
            wanted["reconcileIssues"] = [int(each) for each in self._made if each.isdecimal()]
        answer = await self._http.ask("POST", f"{self._api}/search{'/jql' if self._cloud else ''}", json=wanted)
        issues = self._http.decoded(answer, _Found).issues
        return [await self._case(each) for each in issues if key_in(adf.lines(each.fields.description)) == key]

    async def create(self, draft: Draft) -> Creation:
        """One request, with label and property."""
        fields: dict[str, object] = {
            **{name: self._value(name, text) for name, text in draft.fields.items()},
            "project": {"key": self._set.project},
            "issuetype": {"name": self._set.issue_type},
            "summary": draft.title,
            "description": self._text(draft.body, key_mark(draft.key), draft.mark),
            "labels": [*self._set.labels, _label(draft.key)],
        }
        if self._set.priority:
            fields["priority"] = {"name": self._words[draft.level]}
        if self._set.assignee:
            fields["assignee"] = {"accountId" if self._cloud else "name": self._set.assignee}
        body = {"fields": fields, "properties": [{"key": "exfilwatch", "value": {"key": draft.key}}]}
        try:
            answer = await self._http.change("POST", f"{self._api}/issue", json=body, accept=frozenset({201}))
        except CaseError as error:
            return creation(error)
        made = self._http.decoded(answer, _Issue).id
        self._made.append(made)
        return Created(made)

    async def get(self, case_id: str) -> Case:
        """The issue and its comments."""
        return await self._case(await self._issue(case_id))

    async def post(self, case: Case, note: Note) -> None:
        """As a comment."""
        await self._comment(case.id, note.text, note.key)

    async def put_level(self, case_id: str, level: str) -> None:
        """As the priority."""
        if self._set.priority:
            await self._edit(case_id, {"fields": {"priority": {"name": self._words[level]}}})

    async def put_status(self, case_id: str, status: Status) -> None:
        """By the transition that leads there."""
        path = f"{self._api}/issue/{checked(self.name, case_id)}/transitions"
        steps = self._http.decoded(await self._http.get(f"{path}?expand=transitions.fields"), _Steps).transitions
        done = status != "open"
        fitting = [each for each in steps if (each.to.statusCategory.key == "done") == done]
        # Back to where work begins rather than to where it is under way.
        fitting.sort(key=lambda each: each.to.statusCategory.key != "new")
        if not fitting:
            names = ", ".join(each.name for each in steps) or "none"
            raise CaseRefused(f"{self.name}: no transition of case {case_id} makes it {status}; there are: {names}")
        step = fitting[0]
        body: dict[str, object] = {"transition": {"id": step.id}}
        if "resolution" in step.fields and done:
            known = msgspec.json.decode(step.fields["resolution"], type=ready(_Resolutions))
            named = self._set.resolution or (
                known.allowedValues[0].name if known.required and known.allowedValues else ""
            )
            if named:
                body["fields"] = {"resolution": {"name": named}}
        await self._http.change("POST", path, json=body)

    async def supersede(self, case_id: str, by: str) -> None:
        """Linked to the other as a duplicate of it, and closed."""
        issue = await self._issue(case_id)
        if _duplicate_of(issue, self._set.duplicate_link) != by:
            link = {
                "type": {"name": self._set.duplicate_link},
                "inwardIssue": {"id": case_id},
                "outwardIssue": {"id": by},
            }
            await self._http.change("POST", f"{self._api}/issueLink", json=link, accept=frozenset({200, 201}))
        if issue.fields.status.statusCategory.key != "done":
            await self.put_status(case_id, "closed")

    async def attached(self, case_id: str) -> dict[str, int]:
        """By name."""
        return {each.filename: each.size for each in (await self._issue(case_id)).fields.attachment}

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """As a form; without the header Jira takes it for a forged request."""
        files = {"file": (attachment.name, attachment.content, attachment.media)}
        path = f"{self._api}/issue/{checked(self.name, case_id)}/attachments"
        await self._http.change("POST", path, files=files, headers={"X-Atlassian-Token": "no-check"})

    async def checksum(self, case_id: str, name: str) -> str:
        """By its content, of which Jira Cloud would rather send on to another server."""
        found = [each.id for each in (await self._issue(case_id)).fields.attachment if each.filename == name]
        if not found or not found[-1].isdecimal():
            return ""
        path = (
            f"{self._api}/attachment/content/{found[-1]}" if self._cloud else f"/secure/attachment/{found[-1]}/{name}"
        )
        asked = {"redirect": "false"} if self._cloud else {}
        content = (await self._http.get(path, params=asked, headers={"Accept": "*/*"})).content
        return hashlib.sha256(content).hexdigest()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _value(self, name: str, text: str) -> object:
        """A field's value: JSON where the template is (it says `| tojson` of values), else text."""
        if not self._set.fields[name].lstrip().startswith(("{", "[")):
            return text
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise CaseBlocked(f"case.{self.name}: fields.{name} makes no JSON: write values as | tojson") from None

    def _text(self, text: str, *marks: str) -> object:
        return adf.signed(text, *marks) if self._cloud else signed(text, *marks)

    async def _issue(self, case_id: str) -> _Issue:
        path = f"{self._api}/issue/{checked(self.name, case_id)}?fields={','.join(_FIELDS)}"
        return self._http.decoded(await self._http.get(path), _Issue)

    async def _edit(self, case_id: str, what: dict[str, object]) -> None:
        await self._http.change("PUT", f"{self._api}/issue/{checked(self.name, case_id)}", json=what)

    async def _comment(self, case_id: str, text: str, mark: str) -> None:
        path = f"{self._api}/issue/{checked(self.name, case_id)}/comment"
        await self._http.change("POST", path, json={"body": self._text(text, mark)})

    async def _case(self, issue: _Issue) -> Case:
        comments: list[_Comment] = []
        while True:
            asked = f"startAt={len(comments)}&maxResults={_PAGE}&orderBy=created"
            path = f"{self._api}/issue/{issue.id}/comment?{asked}"
            page = self._http.decoded(await self._http.get(path), _Comments)
            comments += page.comments
            if not page.comments or len(comments) >= page.total:
                break
        fields = issue.fields
        told = [(each, adf.lines(each.body)) for each in comments]
        duplicate_of = _duplicate_of(issue, self._set.duplicate_link)
        closed = fields.status.statusCategory.key == "done"
        body = adf.lines(fields.description)
        return Case(
            id=issue.id,
            incident=key_in(adf.lines(issue.fields.description)),
            title=fields.summary,
            level=level_of(self._words, fields.priority.name if fields.priority else ""),
            body=body,
            status="duplicate" if closed and duplicate_of else "closed" if closed else "open",
            duplicate_of=duplicate_of if closed else None,
            opened=datetime.fromisoformat(fields.created),
            notes=tuple(
                CaseNote(key=next(iter(marks_in(text)[-1:]), ""), text=text, time=datetime.fromisoformat(each.created))
                for each, text in told
            ),
            marks=frozenset([*marks_in(body), *(mark for _, text in told for mark in marks_in(text))]),
            url=f"{self._set.public_url or self._set.url}/browse/{issue.key}",
        )


def _label(key: str) -> str:
    return f"exfilwatch-{key}"


def _duplicate_of(issue: _Issue, kind: str) -> str | None:
    links = (each for each in issue.fields.issuelinks if each.type.name == kind and each.outwardIssue is not None)
    return next((each.outwardIssue.id for each in links if each.outwardIssue), None)


class _Problem(msgspec.Struct):
    errorMessages: list[str] = []  # noqa: N815
    errors: dict[str, str] = {}


def _explain(response: httpx.Response) -> str:
    """{"errorMessages": [...], "errors": {"field": text}}."""
    try:
        said = msgspec.json.decode(response.content, type=ready(_Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return "; ".join([*said.errorMessages, *(f"{name}: {text}" for name, text in said.errors.items())])
