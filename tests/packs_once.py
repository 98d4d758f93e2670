"""The packs that come with exfilwatch are the same all the time: a process that reads them often parses each once."""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import exfilwatch.detection.load as loading
from exfilwatch.rules.packs import FILTERS

_PACKS = FILTERS.parent


def remembering() -> Callable[[Iterable[Path | str], dict[str, Any]], Any]:
    """What is to stand for `_load` of detection.load."""
    parse = loading._load
    parsed = functools.cache(lambda paths: parse(paths, {}))

    def remembered(paths: Iterable[Path | str], placeholders: dict[str, Any]) -> Any:
        paths = tuple(paths)
        ours = not placeholders and all(isinstance(path, Path) and _PACKS in path.parents for path in paths)
        return parsed(paths) if ours else parse(paths, placeholders)

    return remembered
