"""A hook of mkdocs: the pages of rules are made when the site is, so none can be stale (mkdocs.yml, `hooks`)."""

from pathlib import PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from exfilwatch.rules.packs import FILTERS, pack, packs
from exfilwatch_playbooks.rule_pages.pages import pages

FOLDER = "rules"
made: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages and put them into the navigation, behind those about detection."""
    made.update(pages([*((name, pack(name)) for name in packs()), (FILTERS.name, FILTERS)], manual="../../rules.md"))
    sections: dict[str, list[str]] = {}
    for name in sorted(made):
        if "/" in name:
            sections.setdefault(str(PurePosixPath(name).parent), []).append(f"{FOLDER}/{name}")
    nav: list[Any] = config.nav or []
    at = next(number for number, part in enumerate(nav) if "Detection" in part) + 1
    nav.insert(at, {"All rules": [f"{FOLDER}/all.md", *({name: each} for name, each in sections.items())]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    for name, text in made.items():
        files.append(File.generated(config, f"{FOLDER}/{name}", content=text))
    return files
