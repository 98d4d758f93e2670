"""Platforms that use the service over HTTP: a Shuffle app, a StackStorm pack, Tracecat actions, an n8n workflow and a
Tines story. Platforms that import OpenAPI documents (Torq, FortiSOAR, Power Automate, Shuffle) need none of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from exfilwatch_playbooks.platforms.http import shuffle, stackstorm, tracecat
from exfilwatch_playbooks.playbook.exports.registry import export
from exfilwatch_playbooks.playbook.source import incident

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest


def package(manifest: "Manifest", out: Path) -> None:
    """Write a folder for each platform into `out`."""
    written = {
        "shuffle": shuffle.files(manifest),
        "stackstorm": stackstorm.files(manifest),
        "tracecat": tracecat.files(manifest),
    }
    for platform in ("n8n", "shuffle", "stackstorm", "tines", "tracecat"):
        written.setdefault(platform, {}).update(export(platform).files(incident()))
    for platform, files in written.items():
        for name, text in files.items():
            path = out / platform / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
