"""What a site says of its own tools, places and files: YAML in the folder of places.site_folder (docs/site.md).

tools/*.yml        tools, as in the catalogue
destinations.yml   kinds of names, as in the file of that name that comes along, and networks of its own
sensitive.yml      kinds of files, likewise
tests/*.yml        cases: lines, and what is to be known of them

It is read once by a process.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from exfilwatch.errors import ConfigError
from exfilwatch.packaged import read_yaml
from exfilwatch.places import site_folder

_YAML = ("*.yml", "*.yaml")


def tool_files() -> Sequence[Path]:
    """The files of the site's tools, sorted."""
    return _files("tools")


def case_files() -> Sequence[Path]:
    """The files of its cases, sorted."""
    return _files("tests")


def place(name: str) -> Path:
    """Where a file of the site stands, whether there is one or not."""
    return site_folder() / name


def text(path: Path) -> str:
    """The text of a file. Raises ConfigError that names it."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8: write it anew as that") from error
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error


def content(path: Path) -> Any:
    """The content of a file of YAML. Raises ConfigError that names it and the line."""
    try:
        return read_yaml(text(path))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not sound YAML: {' '.join(str(error).split())}") from error


def table(name: str, kinds: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """The texts by kind of a file; none when there is none. Raises ConfigError, also for another kind than these."""
    path = place(name)
    if not path.is_file():
        return {}
    found, known = content(path), list(kinds)
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: holds no kinds with lists of texts: see docs/site.md")
    for kind, texts in found.items():
        if kind not in known:
            raise ConfigError(f"{path}: there is no kind {kind!r}: use {', '.join(known)}")
        if not isinstance(texts, list) or not all(isinstance(each, str) and each for each in texts):
            raise ConfigError(f"{path}: {kind}: is no list of texts")
    return found


def _files(name: str) -> Sequence[Path]:
    folder = site_folder() / name
    return sorted(path for pattern in _YAML for path in folder.glob(pattern))
