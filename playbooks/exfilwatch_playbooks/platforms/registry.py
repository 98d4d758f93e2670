"""Which platforms there are: the modules of this folder that have `package`."""

import pkgutil
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks import platforms

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

Packager: TypeAlias = Callable[["Manifest", Path], None]
"""Writes what a platform installs into a folder."""


def names() -> list[str]:
    """The platforms, as people write them: with dashes."""
    return [each.replace("_", "-") for each in _modules() if _packager(each)]


def packager(platform: str) -> Packager:
    """The packager of a platform; dashes count as underscores. Raises ConfigError."""
    asked = platform.strip().lower().replace("-", "_")
    found = _packager(asked) if asked in _modules() else None
    if found is None:
        known = names()
        near = get_close_matches(asked.replace("_", "-"), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
        raise ConfigError(f"there is no platform {platform!r}: {hint}")
    return found


def package(platform: str, manifest: "Manifest", out: Path, *, force: bool = False) -> int:
    """Write a platform's package into the folder `out`, which is made, or empty unless `force`; how many files it has.

    Raises ConfigError.
    """
    write = packager(platform)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is no folder: give another --out")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise ConfigError(f"{out}: has something in it: --force writes into it, --out names another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write(manifest, out)
    except PermissionError as error:
        raise ConfigError(f"{error.filename}: can't be written ({error.strerror}): give another --out") from None
    return sum(1 for each in out.rglob("*") if each.is_file())


def _modules() -> list[str]:
    return sorted(each.name for each in pkgutil.iter_modules(platforms.__path__))


def _packager(name: str) -> Packager | None:
    found: Packager | None = getattr(import_module(f"{platforms.__name__}.{name}"), "package", None)
    return found if name != __name__.rpartition(".")[2] else None
