"""What the settings of a Redmine call by names, as the numbers that its API takes."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exfilwatch.errors import CaseRefused
from exfilwatch_playbooks.cases.http import Http
from exfilwatch_playbooks.cases.redmine_api import Membership, Named, Project, T, named

_PAGE = 100
_OWN_FIELDS = frozenset(
    {"category_id", "fixed_version_id", "parent_issue_id", "start_date", "due_date", "estimated_hours", "done_ratio"}
)


@dataclass(frozen=True)
class Known:
    """What there is in a project, and in all of the Redmine."""

    project: Project
    statuses: list[Named]
    priorities: list[Named]


class Names:
    """Asked for when they are needed first. Each method raises CaseRefused, which lists what there is."""

    def __init__(self, http: Http, project: str) -> None:
        self._http = http
        self._project = project
        self._known: Known | None = None
        self._asking = asyncio.Lock()

    async def known(self, *, anew: bool = False) -> Known:
        """What there is. `anew`: as it is now."""
        async with self._asking:
            if self._known is None or anew:
                path, included = f"/projects/{self._project}.json", "trackers,issue_custom_fields"
                self._known = Known(
                    await self._asked(path, "project", Project, include=included),
                    await self._asked("/issue_statuses.json", "issue_statuses", list[Named]),
                    await self._asked("/enumerations/issue_priorities.json", "issue_priorities", list[Named]),
                )
            return self._known

    async def status(self, what: str, name: str) -> Named:
        """The status that the setting `what` names."""
        return self._one(what, name, (await self.known()).statuses)

    async def priority(self, level: str, name: str) -> int:
        """The priority that stands for a level."""
        return self._one(f"severity.{level}, a priority", name, (await self.known()).priorities).id

    async def tracker(self, name: str) -> int:
        """Of the project; the first one where none is named."""
        trackers = (await self.known()).project.trackers
        if not name and trackers:
            return trackers[0].id
        return self._one("tracker", name, trackers).id

    async def field(self, what: str, name: str) -> int:
        """A custom field of the project's issues."""
        return self._one(f"{what}, a custom field", name, (await self.known()).project.issue_custom_fields).id

    async def fields(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """Fields as an issue takes them: the API's own, and custom ones by name."""
        values: dict[str, Any] = {name: value for name, value in wanted.items() if name in _OWN_FIELDS}
        values["custom_fields"] = [
            {"id": await self.field(f"fields.{name}", name), "value": value}
            for name, value in wanted.items()
            if name not in _OWN_FIELDS
        ]
        return values

    async def assignee(self, name: str) -> str:
        """`me`, a number, or the number of a user or group among the members of the project."""
        if not name or name == "me" or name.isdecimal():
            return name
        path = f"/projects/{self._project}/memberships.json"
        members: list[Membership] = []
        while page := await self._asked(
            path, "memberships", list[Membership], limit=str(_PAGE), offset=str(len(members))
        ):
            members += page
            if len(page) < _PAGE:
                break
        people = [who for each in members for who in (each.user, each.group) if who is not None]
        return str(self._one("assignee", name, people).id)

    def _one(self, what: str, name: str, there: Iterable[Named]) -> Named:
        """Upper and lower case are one."""
        for each in there:
            if each.name.lower() == name.lower():
                return each
        names = ", ".join(each.name for each in [*there][:_PAGE]) or "none"
        raise CaseRefused(f"{self._http.name}: {what}: Redmine has no {name!r}, only {names}")

    async def _asked(self, path: str, name: str, kind: type[T], **asked: str) -> T:
        return named(self._http, await self._http.get(path, params=asked), name, kind)
