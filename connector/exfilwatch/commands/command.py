"""The commands of a script, and the bounds within which a script is undone."""

from functools import lru_cache
from typing import Final

import msgspec

LONGEST: Final = 64 * 1024
"""Characters that are looked at of one command line, counting every text that is undone within it."""
MOST_WORK: Final = 25_000
"""Work that is done for one command line, in about a microsecond."""
LONGEST_LINE: Final = 32 * 1024
"""Characters that are looked at of the line itself: Windows allows no more."""
_LONGEST_NAME: Final = 260
"""Characters of a program's path up to which its name is kept."""
DEEPEST: Final = 6
"""Scripts within scripts that are undone."""


class Command(msgspec.Struct):
    """One simple command as its shell would run it.

    `words` is its argument vector, unquoted and expanded as far as that can be told without running anything; the
    first is the program as written. What can't be told stays as written (`$bucket`, `%TEMP%`, `$(hostname)`).
    `raw` is its text with what hides it undone, but with its quotes: what expressions on code look at.
    `reads` is the file that its standard input is; `text` what is known to come there (a here-document, a here-string,
    what an `echo` before it in the pipe writes); `piped` the commands before it in its pipe, in their order; `into` the
    words of the one that it is piped into.
    `writes` are the files that its output goes to, with what stands for one (`/dev/tcp/HOST/PORT`).
    `language` is that of `raw` where it is code rather than a command of a shell of its system (`powershell`, `python`,
    `vbscript`, ...); `within` are the programs that run the command, outermost first (`sudo`, `schtasks`).
    """

    words: list[str]
    raw: str = ""
    reads: str = ""
    text: str | None = None
    writes: list[str] = msgspec.field(default_factory=list)
    piped: "list[Command]" = msgspec.field(default_factory=list)
    into: str = ""
    language: str = ""
    within: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The plain name of the program: without its folder, quotes and `.exe`, lower-case."""
        return program(self.words[0]) if self.words else ""


def program(word: str) -> str:
    """The plain name of a program: without its folder and `.exe`, lower-case (`C:\\x\\CURL.exe` is `curl`)."""
    return _short(word) if len(word) <= _LONGEST_NAME else _program(word)


def _program(word: str) -> str:
    name = word.replace("\\", "/").rstrip("/ ").rpartition("/")[2].strip("'\" ").lower()
    return name.removesuffix(".exe").removesuffix(".com").rstrip(".")


_short = lru_cache(10_000)(_program)


class Bounds:
    """What may still be looked at of one command line, in characters, and what was undone in it so far.

    `work` is what may still be done for it, where that does not go with the characters alone. `steps` are names of
    what was undone, each once, in order (`base64`, `caret`, `string building`, ...).
    """

    def __init__(self, left: int = LONGEST) -> None:
        self.left = left
        self.work = MOST_WORK
        self.steps: dict[str, None] = {}


class Undoing:
    """One script being undone, within the bounds of the command line that it stands in.

    `variables` are what the script set and nothing can have changed since; names as its shell compares them.
    """

    def __init__(self, outer: "Undoing | None" = None) -> None:
        self.bounds: Bounds = outer.bounds if outer else Bounds()
        self.depth: int = outer.depth + 1 if outer else 0
        self.variables: dict[str, str] = dict(outer.variables) if outer else {}

    def did(self, step: str) -> None:
        """Note that something was undone."""
        self.bounds.steps[step] = None

    def within(self, text: str) -> str:
        """As much of a text as the bounds leave, and count it."""
        text = text[: self.bounds.left]
        self.bounds.left -= len(text)
        return text

    def inner(self) -> "Undoing | None":
        """For a script within this one; None when there are too many within each other, or nothing is left."""
        return Undoing(self) if self.depth < DEEPEST and self.bounds.left > 0 else None
