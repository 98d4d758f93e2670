"""Which exports of the playbook there are."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Literal, TypeAlias

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.playbook import exports
from exfilwatch_playbooks.playbook.model import Playbook

Lack: TypeAlias = Literal["together", "limits", "timeouts", "failures", "questions"]


@dataclass(frozen=True)
class Export:
    """`lacks`: what the platform cannot say of the source, and what is done instead: steps at the same time, limits
    of how long an action takes, times after which a question counts as unanswered, steps after a failure, or
    questions at all.
    """

    name: str
    title: str
    lacks: Mapping[Lack, str]
    files: Callable[[Playbook], dict[str, str]]


def names() -> list[str]:
    """The platforms, as people write them: with dashes."""
    found = sorted(each.name for each in pkgutil.iter_modules(exports.__path__))
    own = __name__.rpartition(".")[2]
    return [each.replace("_", "-") for each in found if each != own]


def export(platform: str) -> Export:
    """The export for a platform; dashes count as underscores. Raises ConfigError."""
    asked = platform.strip().lower().replace("_", "-")
    known = names()
    if asked not in known:
        near = get_close_matches(asked, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
        raise ConfigError(f"there is no playbook for {platform!r}: {hint}")
    module = import_module(f"{exports.__name__}.{asked.replace('-', '_')}")
    return Export(asked, module.TITLE, module.LACKS, module.files)
