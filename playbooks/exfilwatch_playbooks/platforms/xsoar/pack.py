"""The content pack: which file stands where."""

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exfilwatch_playbooks.actions.registry import every
from exfilwatch_playbooks.platforms.xsoar import documents, items
from exfilwatch_playbooks.platforms.xsoar.commands import BRAND, command
from exfilwatch_playbooks.platforms.xsoar.integration import MARKETPLACES, python, yml
from exfilwatch_playbooks.playbook.exports import xsoar as playbook
from exfilwatch_playbooks.playbook.source import incident

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

_IMAGE = f"{BRAND}_image.png"


def package(manifest: "Manifest", out: Path) -> None:
    """Write the folder `ExfilWatch` into `out`: a pack as `Packs/` of a content repository has them."""
    version = manifest.version
    commands = [command(each) for each in every()]
    home, pictures = f"Integrations/{BRAND}", resources.files(__package__) / "files"
    named = playbook.NAME.replace(" ", "_")
    texts: dict[str, str] = {
        "pack_metadata.json": _json(_metadata(version)),
        "README.md": documents.PACK,
        ".pack-ignore": "",
        ".secrets-ignore": "https://exfilwatch.example.com\n",
        f"{home}/{BRAND}.yml": _yaml(yml(commands)),
        f"{home}/{BRAND}.py": python(commands),
        f"{home}/{BRAND}_test.py": (pictures / f"{BRAND}_test.py.j2").read_text("utf-8"),
        f"{home}/{BRAND}_description.md": documents.DESCRIPTION,
        f"{home}/README.md": documents.integration(commands),
        f"IncidentTypes/incidenttype-{items.TYPE.replace(' ', '_')}.json": _json(items.incident_type(playbook.NAME)),
        **{
            f"IncidentFields/incidentfield-{field.name.replace(' ', '_')}.json": _json(items.incident_field(field))
            for field in items.FIELDS
        },
        f"Classifiers/classifier-{BRAND}.json": _json(items.classifier()),
        f"Classifiers/classifier-mapper-incoming-{BRAND}.json": _json(items.mapper()),
        f"Layouts/layoutscontainer-{items.TYPE.replace(' ', '_')}.json": _json(items.layout()),
        **{f"Playbooks/{name}": text for name, text in playbook.files(incident()).items()},
        f"Playbooks/playbook-{named}_README.md": documents.playbook(),
        f"ReleaseNotes/{version.replace('.', '_')}.md": documents.release_notes(version),
    }
    for name, text in texts.items():
        _put(out / BRAND / name, text.encode())
    _put(out / BRAND / home / _IMAGE, (pictures / _IMAGE).read_bytes())
    _put(out / BRAND / "Author_image.png", (pictures / "Author_image.png").read_bytes())
    _put(out / BRAND / f"doc_files/{named}.png", (pictures / "playbook.png").read_bytes())


def _metadata(version: str) -> dict[str, Any]:
    return {
        "name": BRAND,
        "description": "Finds automated data exfiltration in the events of your SIEM, explains it, and opens cases.",
        "support": "community",
        "currentVersion": version,
        "author": "The exfilwatch developers",
        "url": "",
        "email": "",
        "created": "2026-11-28T00:00:00Z",
        "categories": ["Case Management"],
        "tags": ["Use Case", "Incident Response", "MITRE ATT&CK"],
        "useCases": ["Incident Response"],
        "keywords": ["exfiltration", "T1020", "Sigma", "data loss"],
        "marketplaces": MARKETPLACES,
        "supportedModules": ["agentix", "xsiam"],
        "dependencies": {"CommonPlaybooks": {"mandatory": False, "display_name": "Common Playbooks"}},
        "githubUser": [],
    }


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=4) + "\n"


def _yaml(value: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
