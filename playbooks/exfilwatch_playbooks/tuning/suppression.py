"""Suppressions: Sigma filters that hide what is like one finding until a day, with the reason, as files in a folder.

The document is that which `tune` proposes for a false positive: as narrow, and refused when it would hide a finding
that is marked as a true positive. `exfilwatch: {until: ...}` ends it (detection/filters.py).
"""

import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.node import storable
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.tuning.proposal import proposals

_NAMES = uuid.UUID("3f4c7a34-5f0b-5c59-9d8e-2a4b8b6f6d11")
HIDES = "\n\nHides what is like finding "
"""In a description, between the reason and the finding's id."""


class Suppression(NamedTuple):
    """A filter. `hides`: ids of other stored findings that it would have hidden."""

    path: Path
    document: str
    until: datetime
    hides: tuple[str, ...]


def suppression(
    finding: Finding,
    history: Sequence[Finding],
    marks: Mapping[str, Disposition],
    rules: RuleSet,
    *,
    until: datetime,
    why: str,
    who: str,
    now: datetime,
    folder: Path,
) -> Suppression:
    """The filter for what is like `finding`; `history`: all findings that are kept. Raises ConfigError when refused.

    One that the folder has already gets its end and reason changed, and stays what it is else.
    """
    if marks.get(finding.id) is Disposition.TRUE_POSITIVE:
        raise ConfigError(f"{finding.id[:8]} is marked as a true positive: what is like it must not be hidden")
    path = path_of(folder, finding.id)
    known = _read(path)
    content, hides = (known, ()) if known else _proposed(finding, history, marks, rules, now)
    said = {
        "description": f"{storable(why)}{HIDES}{finding.id} until {shown(until)}.",
        "exfilwatch": {"until": shown(until)},
    }
    if any(content.get(name) != value for name, value in said.items()):
        content |= {**said, "author": storable(who), "date": now.date().isoformat()}
    return Suppression(path, written(content), until, hides)


def write(made: Suppression) -> bool:
    """Put the file there, whole or not at all; whether that changed anything. Raises ConfigError."""
    try:
        if made.path.exists() and made.path.read_text("utf-8") == made.document:
            return False
        with tempfile.TemporaryDirectory() as folder:
            tried = Path(folder) / made.path.name
            tried.write_text(made.document, "utf-8")
            load([tried])
        made.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = made.path.with_suffix(f".{os.getpid()}.new")
        beside.write_text(made.document, "utf-8")
        beside.replace(made.path)
    except OSError as error:
        message = f"{made.path}: can't be written ({error.strerror}): set `suppressions` to a folder that can"
        raise ConfigError(message) from None
    return True


def _proposed(
    finding: Finding,
    history: Sequence[Finding],
    marks: Mapping[str, Disposition],
    rules: RuleSet,
    now: datetime,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The filter that would be proposed if the finding were the only false positive; what else it would hide."""
    true = {name: mark for name, mark in marks.items() if mark is Disposition.TRUE_POSITIVE}
    made = list(proposals(history, {**true, finding.id: Disposition.FALSE_POSITIVE}, rules, now.date()))
    if not made:
        raise ConfigError(f"{finding.id[:8]} is not among the findings that are kept")
    (proposed,) = made
    if proposed.why_not:
        shown = f": {', '.join(each[:8] for each in proposed.true[:5])}" if proposed.true else ""
        raise ConfigError(f"{finding.id[:8]} can't be suppressed: {proposed.why_not}{shown}")
    content: dict[str, Any] = read_yaml(proposed.document)
    content["title"] = f"Suppressed: {finding.rule.title}"[:110]
    content["id"] = str(uuid.uuid5(_NAMES, finding.id))
    return content, proposed.also


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None
    return found if isinstance(found, dict) else None


def path_of(folder: Path, finding: str) -> Path:
    """Where the one for a finding (its whole id) is."""
    return folder / f"suppress_{finding[:16]}.yml"


def written(content: Mapping[str, Any]) -> str:
    """A filter as YAML, with each text on one line."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=1000)


def shown(time: datetime) -> str:
    """As a filter's `until` has it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
