"""The module: which file stands where."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid5

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest, Trigger

_PROJECT = Path(__file__).parent / "project"


def package(manifest: "Manifest", out: Path) -> None:
    """Write the module into the folder `out`."""
    from exfilwatch_playbooks.platforms.project import Project
    from exfilwatch_playbooks.playbook.exports.registry import export
    from exfilwatch_playbooks.playbook.source import incident

    filters = {"class_name": class_name, "text": lambda value: json.dumps(value, ensure_ascii=False)}
    known = {"manifest": manifest, "day": datetime.now(UTC).date().isoformat()}
    Project(_PROJECT, filters).write(out, known)
    head = manifest.model_dump(mode="json", exclude={"triggers", "actions"})
    _put(out / "manifest.json", _json(head))
    for kind, entries in (("trigger", manifest.triggers), ("action", manifest.actions)):
        for each in entries:
            _put(out / f"{kind}_{file_name(each)}.json", _json(_entry(manifest, each)))
    for name, text in export("sekoia").files(incident()).items():
        _put(out / "playbook" / name, text)


def class_name(name: str) -> str:
    """The class of an action or trigger, by which main.py registers it."""
    return "".join(word.capitalize() for word in name.split("_"))


def file_name(entry: "Trigger") -> str:
    """As the platform's own tool names the file."""
    return entry.title.lower().replace(" ", "_")


def _entry(manifest: "Manifest", entry: "Trigger") -> dict[str, Any]:
    return {
        "name": entry.title,
        "description": entry.description,
        "uuid": str(uuid5(manifest.uuid, entry.title)),
        "docker_parameters": class_name(entry.name),
        "arguments": entry.arguments,
        "results": entry.results,
    }


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
