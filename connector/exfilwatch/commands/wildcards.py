"""Programs that are named by a path with wildcards (`/???/b?n/c?rl`): which of the known ones that can be."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from exfilwatch.commands.tool import catalogue
from exfilwatch.commands.wrappers import wrappers

_WILD = re.compile(r"[*?]|\[[^\]]+\]")
_LONGEST = 64
_MOST = 4
_READERS = ("cat", "tac", "dd", "head", "tail", "base64", "cp", "mv")
"""Programs that send nothing, but whose output or copy is sent."""


@lru_cache(1_000)
def meant(word: str) -> Sequence[str]:
    """The paths of known programs that a path with wildcards can mean; none when it has none, or means too many."""
    if "/" not in word or "://" in word or len(word) > _LONGEST or not _WILD.search(word):
        return ()
    folder, _, name = word.rpartition("/")
    if not _WILD.search(name):
        return (f"{folder}/{name}",)
    if not re.search(r"\w", name):
        return ()
    found = [f"/usr/bin/{each}" for each in _names() if fnmatchcase(each, name)]
    return tuple(found) if len(found) <= _MOST else ()


@lru_cache(1)
def _names() -> Sequence[str]:
    exact, patterns = wrappers()
    programs = [name for tool in catalogue() if tool.syntax != "powershell" for name in tool.programs]
    every = dict.fromkeys([*programs, *exact, *(pattern for pattern, _ in patterns), *_READERS])
    return [plain for name in every if (plain := name.rstrip("*")) and "[" not in plain]
