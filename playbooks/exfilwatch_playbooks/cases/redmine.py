"""Redmine: issues over its REST API.

Nothing is unique in Redmine: a custom field holds our key, where the settings name one, and always the last lines of
the description do. Of several issues with a key the others get the relation `duplicates` to the oldest, and are closed.
A filter that Redmine does not know is left out, and every issue is the answer; fields and statuses that the account may
not set are ignored with 204: answers are compared by value, and what was asked for is read back.
Source: https://www.redmine.org/projects/redmine/wiki/Rest_api, and app/controllers/issues_controller.rb,
app/models/issue.rb, issue_relation.rb, query.rb of Redmine 5.0.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, SecretStr

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Attachment, Case, CaseNote, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http
from exfilwatch_playbooks.cases.ids import checked
from exfilwatch_playbooks.cases.levels import level_of, words
from exfilwatch_playbooks.cases.marks import key_in, key_mark, marks_in, signed
from exfilwatch_playbooks.cases.redmine_api import (
    ACTIVE,
    DUPLICATES,
    Issue,
    Issues,
    Project,
    Role,
    Stale,
    Upload,
    User,
    message,
    named,
    reading,
    time,
)
from exfilwatch_playbooks.cases.redmine_names import Names
from exfilwatch_playbooks.cases.render.redmine_markdown import REDMINE_MARKDOWN
from exfilwatch_playbooks.cases.render.textile import TEXTILE
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities, Created, Creation, Tracker, creation

_PRIORITY = {"critical": "Immediate", "high": "Urgent", "medium": "High", "low": "Normal", "informational": "Low"}
_PAGE = 100
_TRIES = 5
_NOTHING = "exfilwatch-no-such-key"
_RELATES = "relates"
_RIGHTS = (
    ("view_issues",),
    ("add_issues",),
    ("edit_issues", "edit_own_issues"),
    ("add_issue_notes",),
    ("manage_issue_relations",),
)
_PRIVATE_RIGHTS = ("set_issues_private", "set_own_issues_private")
_RENDERERS = {"textile": TEXTILE, "markdown": REDMINE_MARKDOWN}
_TOOLBAR = re.compile(r"jstoolbar/(textile|markdown|common_mark)\b")
_GONE = frozenset({200, 204, 404})


class RedmineSettings(Remote):
    """`api_key`: of an account that is a member of the project. `project`: its identifier, as in addresses. `tracker`:
    by name; the project's first one unless said otherwise. `key_field`: the custom field, of text and used as a
    filter, that gets our key. `opened`, `closed_as`: the statuses that an issue gets; the second is one that closes.
    `severity`: priorities by name. `private`: whether issues are. `assignee`: `me`, a name of a member, or a number.
    `fields`: custom fields by name, or the API's own (due_date). `attachment_limit`: bytes, as Redmine's settings have
    it. `formatting`: of texts, as Redmine's settings have it; CommonMark is markdown too.
    """

    lacks = MappingProxyType({"labels": "issues of Redmine have no labels: use `fields`"})
    api_key: SecretStr
    project: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    tracker: str = ""
    key_field: str = ""
    opened: str = "New"
    closed_as: str = "Closed"
    private: bool = False
    formatting: Literal["textile", "markdown"] = "textile"
    attachment_limit: Annotated[int, Field(gt=0)] = 5 << 20


class Redmine(Tracker):
    """Cases are issues."""

    Settings = RedmineSettings
    kind = "redmine"

    def __init__(
        self,
        name: str,
        settings: RedmineSettings,
        _store: Store | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, settings)
        self.renderer = _RENDERERS[settings.formatting]
        self.capabilities = Capabilities(attachment_limit=settings.attachment_limit)
        self._configured = settings
        self._severity = words(_PRIORITY, settings.severity)
        self._ignored: dict[str, str] = {}
        key = {"X-Redmine-API-Key": settings.api_key.get_secret_value()}
        self._http = Http(name, settings, headers=key, explain=message, reading=reading, transport=transport)
        self._names = Names(self._http, settings.project)

    async def probe(self) -> Account:
        """By the account's own record: elsewhere a wrong key is answered with an empty list. Then by what the settings
        name, by the rights of the account's roles, and by a question for our key.
        """
        settings = self._configured
        response = await self._http.get("/users/current.json", params={"include": "memberships"})
        user = named(self._http, response, "user", User)
        try:
            project = (await self._names.known(anew=True)).project
            await self._names.status("opened", settings.opened)
            closing = await self._names.status("closed_as", settings.closed_as)
            for level, word in self._severity.items():
                await self._names.priority(level, word)
            await self._names.tracker(settings.tracker)
            await self._names.fields(settings.fields)
            await self._names.assignee(settings.assignee)
            await self.holders(_NOTHING)
            formatting = await self._formatting()
        except CaseRefused as error:
            raise CaseBlocked(f"{error}: see the page Case systems") from None
        if not closing.is_closed:
            raise CaseBlocked(f"{self.name}: the status {closing.name} does not close issues: set `closed_as`")
        if project.status != ACTIVE:
            raise CaseBlocked(f"{self.name}: project {settings.project} is closed or archived: it takes no issues")
        if formatting not in ("", settings.formatting):
            raise CaseBlocked(f"{self.name}: Redmine reads texts as {formatting}: set `formatting` to it")
        remarks = () if user.admin else await self._rights(user, project)
        return Account(user.login, f"{settings.url}, project {project.name}", remarks)

    async def holders(self, key: str) -> Sequence[Case]:
        """By the custom field, if there is one; if nothing has it there, by the description, which nobody drops."""
        if marks_in(signed("", key_mark(key))) != [key_mark(key)]:
            return []
        found: list[Issue] = []
        if self._configured.key_field:
            field = await self._names.field("key_field", self._configured.key_field)
            found = await self._search({f"cf_{field}": f"={key}"}, lambda issue: self._field(issue) == key)
        if not found:
            found = await self._search({"description": f"~{key_mark(key)}"}, lambda issue: key in issue.text)
        return [await self.get(str(each.id)) for each in found if self._key(each) == key]

    async def get(self, case_id: str) -> Case:
        """See CaseSystem."""
        return self._case(await self._read(case_id))

    async def create(self, draft: Draft) -> Creation:
        """One request, and for a case that follows another a second one, which links them. What the answer shows to be
        ignored, `converge` tells.
        """
        settings = self._configured
        values = await self._names.fields(draft.fields)
        if settings.key_field:
            field = await self._names.field("key_field", settings.key_field)
            values["custom_fields"].append({"id": field, "value": draft.key})
        issue: dict[str, Any] = {
            "project_id": (await self._names.known()).project.id,
            "tracker_id": await self._names.tracker(settings.tracker),
            "status_id": (await self._names.status("opened", settings.opened)).id,
            "priority_id": await self._names.priority(draft.level, self._severity[draft.level]),
            "subject": draft.title,
            "description": signed(draft.body, key_mark(draft.key), draft.mark),
            "is_private": settings.private,
            **values,
        }
        if settings.assignee:
            issue["assigned_to_id"] = await self._names.assignee(settings.assignee)
        try:
            made = self._issue(await self._http.change("POST", "/issues.json", json={"issue": issue}))
        except CaseError as error:
            return creation(error)
        ignored = _ignored(made, issue)
        if draft.follows:
            try:
                await self._relate(made, draft.follows, _RELATES)
            except CaseError as error:
                ignored.append(f"the relation to {draft.follows} ({error})")
        if ignored:
            self._ignored[str(made.id)] = ", ".join(ignored)
        return Created(str(made.id))

    async def converge(self, key: str, own: str | None) -> Case:
        """See CaseSystem. What was ignored is told once: the case is there, and the next run goes on with it."""
        case = await super().converge(key, own)
        if ignored := self._ignored.pop(case.id, ""):
            raise CaseBlocked(
                f"{self.name}: case {case.id} was opened, and Redmine ignored what was asked for: {ignored}. Check "
                "what the account's role and its workflow let it write; the case is gone on with as it is"
            )
        return case

    async def post(self, case: Case, note: Note) -> None:
        """See Tracker."""
        await self._put(case.id, {"notes": signed(note.text, note.key)})

    async def put_level(self, case_id: str, level: str) -> None:
        """See Tracker."""
        await self._put(case_id, {"priority_id": await self._names.priority(level, self._severity[level])})

    async def put_status(self, case_id: str, status: Status) -> None:
        """See Tracker. An issue that is opened again is nobody's duplicate."""
        opens, settings = status == "open", self._configured
        word = settings.opened if opens else settings.closed_as
        found = await self._names.status("opened" if opens else "closed_as", word)
        await self._put(case_id, {"status_id": found.id})
        for relation in (await self._read(case_id)).duplicates if opens else ():
            await self._http.change("DELETE", f"/relations/{relation.id}.json", accept=_GONE)

    async def supersede(self, case_id: str, by: str) -> None:
        """A relation, and closed. Others may be at the same: what was refused is looked at again."""
        refused: CaseError | None = None
        for _ in range(_TRIES):
            issue = await self._read(case_id)
            if self._case(issue).duplicate_of == by:
                return
            try:
                await self._relate(issue, by, DUPLICATES)
                if not issue.status.is_closed:
                    await self.put_status(case_id, "closed")
            except (CaseRefused, CaseUnreachable) as error:
                refused = error
        raise refused or CaseRefused(
            f"{self.name}: case {case_id} was not closed as a duplicate of {by}, and no error told: check `closed_as`, "
            "and the workflow of the account's role"
        )

    async def attached(self, case_id: str) -> dict[str, int]:
        """See Tracker."""
        return {each.filename: each.filesize for each in (await self._read(case_id)).attachments}

    async def upload(self, case_id: str, attachment: Attachment) -> None:
        """A file that is nobody's, whose token has its SHA-256; then the issue that has it."""
        response = await self._http.change(
            "POST",
            "/uploads.json",
            params={"filename": attachment.name, "content_type": attachment.media},
            content=attachment.content,
            headers={"Content-Type": "application/octet-stream"},
        )
        token = named(self._http, response, "upload", Upload).token
        checksum = token.partition(".")[2]
        if len(checksum) == len(attachment.checksum) and checksum != attachment.checksum:
            raise CaseRefused(f"{self.name}: {attachment.name} arrived as something else (SHA-256 {checksum})")
        told = {"token": token, "filename": attachment.name, "content_type": attachment.media}
        told["description"] = f"SHA-256 {attachment.checksum}"
        await self._put(case_id, {"uploads": [told]})

    async def close(self) -> None:
        """See CaseSystem."""
        await self._http.close()

    async def _rights(self, user: User, project: Project) -> tuple[str, ...]:
        """What there is to say of them. Raises CaseBlocked for those that the account's roles lack."""
        mine = [each for each in user.memberships if each.project and each.project.id == project.id]
        if not mine:
            return (f"{user.login} is no member of {project.name}: what it may do there is not known",)
        has: set[str] = set()
        for role in {role.id for each in mine for role in each.roles}:
            response = await self._http.get(f"/roles/{role}.json")
            has.update(named(self._http, response, "role", Role).permissions)
        needed = [*_RIGHTS, *([_PRIVATE_RIGHTS] if self._configured.private else [])]
        if lacking := [" or ".join(each) for each in needed if not has.intersection(each)]:
            raise CaseBlocked(f"{self.name}: {user.login} lacks in {project.name}: {', '.join(lacking)}")
        return ()

    async def _formatting(self) -> str:
        """How Redmine reads texts, by the editor on the page of one of the project's issues; "" where none tells."""
        asked = {"project_id": self._configured.project, "status_id": "*", "limit": "1"}
        found = self._http.decoded(await self._http.get("/issues.json", params=asked), Issues).issues
        if not found:
            return ""
        try:
            page = await self._http.change("GET", f"/issues/{found[0].id}", headers={"Accept": "text/html"})
        except CaseError:  # pages may need more than a key
            return ""
        editor = _TOOLBAR.search(page.text)
        return "" if editor is None else "textile" if editor[1] == "textile" else "markdown"

    async def _search(self, wanted: Mapping[str, str], fits: Callable[[Issue], bool]) -> list[Issue]:
        """All issues of the project that a filter finds. Raises CaseBlocked where Redmine has left the filter out."""
        found: list[Issue] = []
        while True:
            asked = {"project_id": self._configured.project, "status_id": "*", "sort": "id", "limit": str(_PAGE)}
            response = await self._http.get("/issues.json", params={**asked, "offset": str(len(found)), **wanted})
            page = self._http.decoded(response, Issues)
            if not all(map(fits, page.issues)):
                raise CaseBlocked(
                    f"{self.name}: Redmine left out the filter {next(iter(wanted))}, and answered with other issues: a "
                    "custom field must be marked as used as a filter; descriptions are filtered since Redmine 4"
                )
            found += page.issues
            if len(found) >= page.total_count or not page.issues:
                return found

    async def _read(self, case_id: str) -> Issue:
        path = f"/issues/{checked(self.name, case_id)}.json"
        return self._issue(await self._http.get(path, params={"include": "journals,relations,attachments"}))

    async def _put(self, case_id: str, values: dict[str, Any]) -> None:
        """One change. Where someone else was faster nothing was changed, and it is asked again."""
        for attempt in range(_TRIES):
            try:
                await self._http.change("PUT", f"/issues/{checked(self.name, case_id)}.json", json={"issue": values})
            except Stale:
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    async def _relate(self, issue: Issue, to: str, kind: str) -> None:
        """Unless there is such a relation; one of another kind between the two stands in its way, and goes."""
        other = int(checked(self.name, to))
        for relation in issue.relations:
            if other in (relation.issue_id, relation.issue_to_id):
                if relation.relation_type == kind and (kind == _RELATES or relation.issue_id == issue.id):
                    return
                await self._http.change("DELETE", f"/relations/{relation.id}.json", accept=_GONE)
        told = {"relation": {"issue_to_id": other, "relation_type": kind}}
        await self._http.change("POST", f"/issues/{issue.id}/relations.json", json=told)

    def _case(self, issue: Issue) -> Case:
        notes = [
            CaseNote(key=mark, text=each.notes or "", time=time(each.created_on))
            for each in issue.journals
            for mark in marks_in(each.notes or "")
        ]
        duplicated = issue.duplicates if issue.status.is_closed else []
        public = self._configured.public_url or self._configured.url
        return Case(
            id=str(issue.id),
            incident=self._key(issue),
            title=issue.subject,
            level=level_of(self._severity, issue.priority.name),
            body=issue.text,
            status="duplicate" if duplicated else "closed" if issue.status.is_closed else "open",
            duplicate_of=str(duplicated[0].issue_to_id) if duplicated else None,
            opened=time(issue.created_on),
            notes=tuple(notes),
            marks=frozenset({*marks_in(issue.text), *(note.key for note in notes)}),
            url=f"{public}/issues/{issue.id}",
        )

    def _key(self, issue: Issue) -> str:
        return self._field(issue) or key_in(issue.text)

    def _field(self, issue: Issue) -> str:
        """What the custom field has."""
        name = self._configured.key_field.lower()
        return next((str(each.value or "") for each in issue.custom_fields if name and each.name.lower() == name), "")

    def _issue(self, response: httpx.Response) -> Issue:
        return named(self._http, response, "issue", Issue)


def _ignored(made: Issue, wanted: Mapping[str, Any]) -> list[str]:
    """What an issue that was made does not have as it was asked for, except its severity, which the engine tells."""
    has = {each.id: each for each in made.custom_fields}
    told = [] if made.tracker.id == wanted["tracker_id"] else [f"tracker (it is {made.tracker.name})"]
    told += [] if made.is_private == wanted["is_private"] else [f"private (it is {made.is_private})"]
    for field in wanted["custom_fields"]:
        if field["value"] and not (field["id"] in has and has[field["id"]].value):
            told.append(f"custom field {field['id']}")
    return told
