"""Platforms that use the service over HTTP: a Shuffle app, a StackStorm pack, Tracecat actions, connectors for
FortiSOAR and Power Automate, an n8n workflow and a Tines story.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from exfilwatch_playbooks.platforms.http import fortisoar, power_automate, shuffle, stackstorm, tracecat
from exfilwatch_playbooks.playbook.exports.registry import export
from exfilwatch_playbooks.playbook.source import incident

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest


def package(manifest: "Manifest", out: Path) -> None:
    """Write a folder for each platform into `out`."""
    written: dict[str, dict[str, str | bytes]] = {
        "fortisoar": {**fortisoar.files(manifest)},
        "power-automate": {**power_automate.files(manifest)},
        "shuffle": {**shuffle.files(manifest)},
        "stackstorm": {**stackstorm.files(manifest)},
        "tracecat": {**tracecat.files(manifest)},
    }
    for platform in ("fortisoar", "n8n", "shuffle", "stackstorm", "tines", "tracecat"):
        written.setdefault(platform, {}).update(export(platform).files(incident()))
    for platform, files in written.items():
        _write(out / platform, files)


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
