"""GitHub issues, of github.com or an Enterprise Server, over REST API version 2022-11-28.

GitHub has no unique key and takes doubles. Ours is a label of its own for each case, and the last line of the body:
issues are listed by the label (its search lags, its lists don't). Who may not set labels has them dropped without a
word; therefore the newest issues are looked through by the body too, and a created one is read back. There are no
attachments over the API. Source: docs.github.com/en/rest/issues.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import httpx
import msgspec
from pydantic import Field

from exfilwatch.errors import CaseBlocked, CaseError, CaseUnreachable
from exfilwatch.siem.connection import Token, Url
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import duplicate_in, duplicate_mark, key_in, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.render.git import GIT
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_PAGE = 100
_SEVERITY = {level: f"severity:{level}" for level in ("informational", "low", "medium", "high", "critical")}


class GitHubSettings(Remote):
    """`repository`: OWNER/NAME. `token`: a fine-grained one with Issues: read and write. `labels`: of each issue."""

    url: Url = "https://api.github.com"
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    token: Token


class _Label(msgspec.Struct):
    name: str = ""


class _Issue(msgspec.Struct):
    number: int
    title: str
    state: str
    created_at: datetime
    html_url: str = ""
    body: str | None = None
    state_reason: str | None = None
    labels: list[_Label] = []
    comments: int = 0
    pull_request: msgspec.Raw | None = None


class _Comment(msgspec.Struct):
    created_at: datetime
    body: str | None = None


class _Repository(msgspec.Struct):
    full_name: str
    has_issues: bool = True
    archived: bool = False
    permissions: dict[str, bool] = {}


class GitHub(Tracker):
    """Its case ids are issue numbers."""

    kind = "github"
    renderer = GIT
    capabilities = Capabilities(attachments=False)
    Settings = GitHubSettings

    def __init__(
        self,
        name: str,
        settings: GitHubSettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        headers = {
            "Authorization": f"Bearer {settings.token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._http = Http(name, settings, headers=headers, explain=_explain, reading=_reading, transport=transport)
        self._repo = f"/repos/{settings.repository}"
        self._set = settings
        self._words = words(_SEVERITY, settings.severity)

    async def probe(self) -> Account:
        """The repository answers with what the token may do there."""
        repo = self._http.decoded(await self._http.get(self._repo), _Repository)
        if not repo.has_issues or repo.archived:
            why = "is archived" if repo.archived else "has its issues switched off"
            raise CaseBlocked(f"{self.name}: {repo.full_name} {why}")
        able = [name for name in ("admin", "maintain", "push", "triage") if repo.permissions.get(name)]
        remarks = () if able else ("the token may not set labels: cases are found by their text, among the newest",)
        return Account(who=able[0] if able else "reader", where=repo.full_name, remarks=remarks)

    async def holders(self, key: str) -> Sequence[Case]:
        """By label; and by text among the newest, for GitHub drops labels of those who may not set any."""
        labelled = await self._list(f"labels={quote(_label(key))}")
        newest = await self._http.get(f"{self._repo}/issues?state=all&sort=created&direction=desc&per_page={_PAGE}")
        found = {each.number: each for each in (*labelled, *self._http.decoded(newest, list[_Issue]))}
        ours = [each for each in found.values() if each.pull_request is None and key_in(each.body or "") == key]
        return [await self._case(each) for each in ours]

    async def create(self, draft: Draft) -> Creation:
        """One request; the labels come to be with it."""
        issue = {
            **draft.fields,
            "title": draft.title,
            "body": signed(draft.body, key_mark(draft.key), draft.mark),
            "labels": [*self._set.labels, _label(draft.key), self._words[draft.level]],
            **({"assignees": [self._set.assignee]} if self._set.assignee else {}),
        }
        try:
            answer = await self._http.change("POST", f"{self._repo}/issues", json=issue, accept=frozenset({201}))
        except CaseError as error:
            return creation(error)
        return Created(str(self._http.decoded(answer, _Issue).number))

    async def get(self, case_id: str) -> Case:
        """The issue and its comments."""
        answer = await self._http.get(f"{self._repo}/issues/{checked(self.name, case_id)}")
        return await self._case(self._http.decoded(answer, _Issue))

    async def post(self, case: Case, note: Note) -> None:
        """As a comment."""
        await self._comment(case.id, signed(note.text, note.key))

    async def put_level(self, case_id: str, level: str) -> None:
        """Replace the label of the severity."""
        issue = self._http.decoded(await self._http.get(f"{self._repo}/issues/{checked(self.name, case_id)}"), _Issue)
        kept = [each.name for each in issue.labels if not level_of(self._words, each.name)]
        await self._change(case_id, {"labels": [*kept, self._words[level]]})

    async def put_status(self, case_id: str, status: Status) -> None:
        """Open or closed."""
        closed = {"state": "closed", "state_reason": "completed"}
        await self._change(case_id, {"state": "open", "state_reason": "reopened"} if status == "open" else closed)

    async def supersede(self, case_id: str, by: str) -> None:
        """A comment that names the other, which GitHub reads as a mark of duplicates, and closed."""
        await self._comment(case_id, signed(f"Duplicate of #{by}", duplicate_mark(by)))
        await self._change(case_id, {"state": "closed", "state_reason": "duplicate"})

    async def attached(self, case_id: str) -> dict[str, int]:  # noqa: ARG002
        """None: the API takes no files."""
        return {}

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """Never asked for."""
        raise CaseBlocked(f"{self.name}: issue {case_id} takes no file ({attachment.name}) over the API")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _change(self, case_id: str, what: Mapping[str, object]) -> None:
        await self._http.change("PATCH", f"{self._repo}/issues/{checked(self.name, case_id)}", json=what)

    async def _comment(self, case_id: str, text: str) -> None:
        await self._http.change(
            "POST", f"{self._repo}/issues/{checked(self.name, case_id)}/comments", json={"body": text}
        )

    async def _list(self, query: str) -> list[_Issue]:
        found: list[_Issue] = []
        for page in range(1, 11):
            answer = await self._http.get(f"{self._repo}/issues?state=all&{query}&per_page={_PAGE}&page={page}")
            issues = self._http.decoded(answer, list[_Issue])
            found += issues
            if len(issues) < _PAGE:
                break
        return found

    async def _case(self, issue: _Issue) -> Case:
        comments: list[_Comment] = []
        for page in range(1, issue.comments // _PAGE + 2 if issue.comments else 1):
            path = f"{self._repo}/issues/{issue.number}/comments?per_page={_PAGE}&page={page}"
            comments += self._http.decoded(await self._http.get(path), list[_Comment])
        notes = [(each, marks_in(each.body or "")) for each in comments]
        marks = [mark for _, found in notes for mark in found]
        duplicate_of = duplicate_in(marks)
        if issue.state != "closed":
            duplicate_of = None
        known = [level for label in issue.labels if (level := level_of(self._words, label.name))]
        return Case(
            id=str(issue.number),
            incident=key_in(issue.body or ""),
            title=issue.title,
            level=known[0] if len(known) == 1 else "",
            body=issue.body or "",
            status="duplicate" if duplicate_of else "closed" if issue.state == "closed" else "open",
            duplicate_of=duplicate_of,
            opened=issue.created_at,
            notes=tuple(
                CaseNote(key=found[-1] if found else "", text=each.body or "", time=each.created_at)
                for each, found in notes
            ),
            marks=frozenset([*marks_in(issue.body or ""), *marks]),
            url=issue.html_url,
        )


def _label(key: str) -> str:
    return f"exfilwatch:{key}"


class _Problem(msgspec.Struct):
    message: str = ""
    errors: list[msgspec.Raw] = []


def _explain(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=ready(_Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return " ".join([said.message, *(bytes(each).decode("utf-8", "replace") for each in said.errors)])


def _reading(response: httpx.Response) -> CaseError | None:
    """403 is also its answer to too many requests; 404 to who may not see a repository; 410 where issues are off."""
    status, said = response.status_code, _explain(response)
    if status in (403, 429):
        left, wait = response.headers.get("X-RateLimit-Remaining"), response.headers.get("Retry-After", "")
        if wait.isdecimal() or left == "0" or "rate limit" in said.lower():
            seconds = float(wait) if wait.isdecimal() else _until_reset(response)
            return CaseUnreachable(f"GitHub asks to wait: {said}", seconds, sent=False)
    if status == 410:
        return CaseBlocked(f"GitHub: issues are switched off in this repository: {said}")
    if status == 404 and response.request.url.path.count("/") <= 5 and "issues/" not in response.request.url.path:
        return CaseBlocked("GitHub: there is no such repository, or the token may not see it: check both")
    return None


def _until_reset(response: httpx.Response) -> float:
    """Seconds until the hour's requests are given again; GitHub asks for a minute where it does not say."""
    reset, now = response.headers.get("X-RateLimit-Reset", ""), response.headers.get("Date", "")
    if not reset.isdecimal():
        return 60.0
    try:
        from email.utils import parsedate_to_datetime

        return max(1.0, float(reset) - parsedate_to_datetime(now).timestamp())
    except (TypeError, ValueError):
        return 60.0
