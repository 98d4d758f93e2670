"""The suppressions that there are: what they hide, until when, why, and who made them; and ending one early.

Each is a file in the folder of the settings (suppression.py). One that has ended stays there, as a record.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from exfilwatch.findings.node import storable
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.tuning.suppression import HIDES, Suppression, path_of, shown, written

_EARLY = "\n\nEnded early by "


@dataclass(frozen=True)
class Suppressed:
    """A suppression. `finding`: the id of that which it was made for; `until` None: of a file without an end, or that
    can't be read, which `problem` says.
    """

    path: Path
    finding: str
    title: str
    why: str
    who: str
    made: str
    until: datetime | None
    document: str
    problem: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it hides something at this time."""
        return not self.problem and (self.until is None or self.until > now)

    @property
    def as_it_is(self) -> Suppression:
        """Without any change."""
        return Suppression(self.path, self.document, self.until or datetime.max.replace(tzinfo=UTC), ())


def all_of(folder: Path) -> list[Suppressed]:
    """Those of a folder, the one that ends last first."""
    late = datetime.max.replace(tzinfo=UTC)
    found = [_read(path) for path in sorted(folder.glob("*.yml"))]
    return sorted(found, key=lambda each: (each.until or late, each.title), reverse=True)


def suppressed(folder: Path, finding: str) -> Suppressed | None:
    """The one that was made for this finding (its whole id), None where there is none."""
    path = path_of(folder, finding)
    return _read(path) if path.exists() else None


def ended(before: Suppressed, now: datetime, why: str, who: str) -> Suppression:
    """The same, ending at this time."""
    content: dict[str, Any] = read_yaml(before.document)
    said = f"{str(content.get('description', '')).strip()}{_EARLY}{storable(who)}: {storable(why)}"
    content |= {"description": said, "exfilwatch": {"until": shown(now)}}
    return Suppression(before.path, written(content), now, ())


def _read(path: Path) -> Suppressed:
    nothing = Suppressed(path, "", path.name, "", "", "", None, "")
    try:
        document = path.read_text("utf-8")
        content = read_yaml(document)
        until = _time((content.get("exfilwatch") or {}).get("until"))
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        return Suppressed(**{**vars(nothing), "problem": f"can't be read: {error}"})
    description = str(content.get("description", ""))
    why, _, rest = description.partition(HIDES)
    early = description.partition(_EARLY)[2]
    return Suppressed(
        path=path,
        finding=rest.split(" ", 1)[0] if rest else "",
        title=str(content.get("title", path.name)).removeprefix("Suppressed: "),
        why=f"{why.strip()} (ended early by {early.strip()})" if early else why.strip(),
        who=str(content.get("author", "")),
        made=str(content.get("date", "")),
        until=until,
        document=document,
    )


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
