"""The place in a script that is read next, and what is known there."""

import re
from typing import Final, TypeAlias

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.powershell import lexicon, names
from exfilwatch.commands.shells.powershell.values import Value
from exfilwatch.commands.shells.powershell.values import text as text_of

Node: TypeAlias = tuple[Value, str]
"""A value, and its text with what hides it undone."""

NOTHING: Final[Node] = (None, "")
DEEPEST: Final = 40
_STEP: Final = 3
LONGEST_TEXT: Final = 400
"""Characters of what is not known, where it stands within something else."""


class TooMuch(Exception):
    """A script is nested too deeply, or is too much work."""


class Reader:
    """`found` are the commands; `pending` scripts that the script builds and runs, to be read after it.

    Variables have their names in lower case; `env:name` is one of the environment. `objects` are the texts of
    expressions that variables stand for whose value is none of ours; `files` what was written to files.
    """

    def __init__(self, text: str, undoing: Undoing, outer: "Reader | None" = None) -> None:
        self.text = text
        self.at = 0
        self.undoing = undoing
        self.bounds = undoing.bounds
        self.found: list[Command] = []
        self.pending: list[tuple[str, Undoing]] = outer.pending if outer else []
        self.variables: dict[str, Value] = outer.variables if outer else dict(undoing.variables)
        self.objects: dict[str, str] = outer.objects if outer else {}
        self.aliases: dict[str, str] = outer.aliases if outer else {}
        self.files: dict[str, str] = outer.files if outer else {}
        self.depth: int = outer.depth if outer else 0
        self.loops = 0
        self.within = 0

    def step(self) -> None:
        """Count the work, and stop when it is too much."""
        self.bounds.work -= _STEP
        if self.bounds.work < 0:
            raise TooMuch

    def deeper(self) -> None:
        self.depth += 1
        self.bounds.work -= _STEP
        if self.depth > DEEPEST or self.bounds.work < 0:
            raise TooMuch

    def skip(self, pattern: "re.Pattern[str]") -> "re.Match[str] | None":
        """Match here, and go on behind it."""
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def blank(self) -> str:
        """Skip blanks and comments; the character that comes next, "" at the end."""
        text = self.text
        mark = text[self.at : self.at + 1]
        if mark in " \t#`<\r\xa0" and mark:
            found = lexicon.BLANK.match(text, self.at)
            if found and found.end() > self.at:
                self.at = found.end()
                return text[self.at : self.at + 1]
        return mark

    def space(self) -> str:
        """Skip blanks, comments and ends of lines; the character that comes next."""
        text = self.text
        mark = text[self.at : self.at + 1]
        if not mark or mark > "`" or mark in "$'\"()[]{}@-":
            return mark
        found = lexicon.SPACE.match(text, self.at)
        if found:
            self.at = found.end()
        return text[self.at : self.at + 1]

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def did(self, step: str) -> None:
        self.undoing.did(step)

    def bind(self, name: str, value: Value, raw: str = "") -> None:
        """Set a variable; None makes it unknown."""
        self.objects.pop(name, None)
        if raw and len(raw) < LONGEST_TEXT and names.MADE.match(raw):
            self.objects[name] = raw if raw[0] in "([@" else f"({raw})"
        if value is None:
            self.variables.pop(name, None)
        else:
            self.variables[name] = value
        if isinstance(value, str):
            self.undoing.variables[name] = value
        else:
            self.undoing.variables.pop(name, None)

    def variable(self, found: "re.Match[str]") -> Node:
        """A variable's value, or the variable as written."""
        scope, name, braced = found.groups()
        if braced is not None and "`" in braced:
            self.did("backtick")
        key = name.lower() if scope is None and braced is None else key_of(scope, name, braced)
        value = self.variables.get(key)
        if isinstance(value, str):
            self.bounds.steps["variable"] = None
            value = self.undoing.within(value)
            return value, quoted(value)
        raw = found[0] if braced is None else "$" + braced.replace("`", "")
        if key in self.objects:
            raw = self.undoing.within(self.objects[key])
        if value is not None:
            self.did("variable")
            return value, str(value) if isinstance(value, int) else raw
        usual = names.usual(key)
        return (None, raw) if usual is None else (usual, quoted(usual))

    def filled(self, text: str) -> str:
        """A text with its variables put in, as far as they are known."""
        return self.undoing.within(lexicon.VARIABLE.sub(self._known, text))

    def _known(self, found: "re.Match[str]") -> str:
        value, raw = self.variable(found)
        known = value if isinstance(value, str) else text_of(value) if value is not None else None
        return raw if known is None else known

    def later(self, script: str) -> None:
        """Read a script that the script has built, after this one."""
        inner = self.undoing.inner()
        if inner is not None and script.strip():
            self.bounds.work -= 30
            self.did("built script")
            self.pending.append((script, inner))


def quoted(text: str) -> str:
    """A text as a literal."""
    return "'" + text.replace("'", "''") + "'" if "'" in text else f"'{text}'"


def written(value: Value, raw: str) -> str:
    """A node's text: its literal where the value is a text or a number."""
    if isinstance(value, str):
        return quoted(value)
    return str(value) if isinstance(value, int) else raw


def key_of(scope: str | None, name: str | None, braced: str | None) -> str:
    """A variable's name in lower case, with `env:` before it if it is one of the environment."""
    if braced is not None:
        whole = braced.replace("`", "").lower()
        scope, colon, name = whole.partition(":")
        if not colon:
            return whole
    lower = (name or "").lower()
    if not scope:
        return lower
    scope = scope.lower()
    return lower if scope in ("global", "script", "local", "private", "using", "variable") else f"{scope}:{lower}"
