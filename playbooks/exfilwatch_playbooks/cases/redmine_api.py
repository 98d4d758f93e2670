"""What Redmine's REST API answers, and how it is read.

What is answered stands under its name ({"issue": {...}}). Issues are changed with a lock of their own
(StaleObjectError), which is told as a refusal without a reason.
Source: https://www.redmine.org/projects/redmine/wiki/Rest_api, and the views *.api.rsb of Redmine 5.0.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec

from exfilwatch.errors import CaseBlocked, CaseError, CaseUnreachable
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.http import Http

T = TypeVar("T")
DUPLICATES = "duplicates"
ACTIVE = 1


class Named(msgspec.Struct):
    """Whatever has a number and a name; `is_closed` is a status's."""

    id: int
    name: str = ""
    is_closed: bool = False


class Membership(msgspec.Struct):
    """Of a user in a project, or of a project's user or group."""

    project: Named | None = None
    roles: list[Named] = []
    user: Named | None = None
    group: Named | None = None


class User(msgspec.Struct):
    """The account. `admin` may do anything."""

    login: str
    admin: bool = False
    memberships: list[Membership] = []


class Role(msgspec.Struct):
    """What its members may do."""

    permissions: list[str] = []


class Project(msgspec.Struct):
    """`status`: ACTIVE, or closed or archived."""

    id: int
    name: str
    status: int = ACTIVE
    trackers: list[Named] = []
    issue_custom_fields: list[Named] = []


class Value(msgspec.Struct):
    """Of a custom field; of several values a list."""

    id: int
    name: str = ""
    value: Any = None


class Relation(msgspec.Struct):
    """Of `issue_id` to `issue_to_id`; both issues have it."""

    id: int
    issue_id: int
    issue_to_id: int
    relation_type: str = ""


class File(msgspec.Struct):
    """`filesize` in bytes."""

    filename: str
    filesize: int = 0


class Journal(msgspec.Struct):
    """A change, with what was written about it."""

    created_on: str = ""
    notes: str | None = None


class Issue(msgspec.Struct):
    """Lists of issues have no journals."""

    id: int
    tracker: Named
    status: Named
    priority: Named
    subject: str = ""
    description: str | None = None
    is_private: bool = False
    custom_fields: list[Value] = []
    created_on: str = ""
    relations: list[Relation] = []
    attachments: list[File] = []
    journals: list[Journal] = []

    @property
    def text(self) -> str:
        """The description."""
        return self.description or ""

    @property
    def duplicates(self) -> list[Relation]:
        """Its relations to issues that go on instead."""
        return [each for each in self.relations if each.relation_type == DUPLICATES and each.issue_id == self.id]


class Issues(msgspec.Struct):
    """A page of a list, and how many there are on all pages."""

    issues: list[Issue]
    total_count: int


class Upload(msgspec.Struct):
    """`token`: the file's number, and after a dot its SHA-256."""

    token: str


class _Errors(msgspec.Struct):
    errors: list[str]


class Stale(CaseUnreachable):
    """Someone else changed the issue meanwhile; nothing was changed by this."""


def named(http: Http, response: httpx.Response, name: str, kind: type[T]) -> T:
    """What an answer has under its name. Raises CaseUnreachable where it is none of Redmine's."""
    raw = http.decoded(response, dict[str, msgspec.Raw]).get(name, msgspec.Raw(b""))
    try:
        return msgspec.json.decode(raw, type=ready(kind), strict=False)
    except msgspec.DecodeError as error:
        where = f"{http.name}: {response.request.url.path}"
        raise CaseUnreachable(f"{where} answered without a {name} as Redmine has it ({error})") from None


def message(response: httpx.Response) -> str:
    """Redmine's own words; "" for none."""
    try:
        return "; ".join(msgspec.json.decode(response.content, type=ready(_Errors)).errors)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def reading(response: httpx.Response) -> CaseError | None:
    """What an answer means beyond its status."""
    path = response.request.url.path
    if response.status_code == 422 and response.request.method == "PUT" and not message(response):
        return Stale(f"PUT {path} answered 422 without a reason: someone changes the case all the time", sent=False)
    if response.status_code == 403 and path.endswith("/users/current.json"):
        return CaseBlocked(
            f"{path} answered 403: the REST web service is off (Administration, Settings, API), or the account must "
            "change its password"
        )
    return None


def time(text: str) -> datetime:
    """UTC, to the second."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
