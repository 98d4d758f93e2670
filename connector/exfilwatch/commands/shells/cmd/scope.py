"""What is known while a script of cmd.exe is read: its variables, and what it wrote to files."""

import re
from collections.abc import Callable
from typing import Final

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.shells.usual import ENVIRONMENT, OF_A_USER

_CARETS = re.compile(r'"[^"\n]*+"?|(?:\^[^&|<>()^"%!\r\n])++|\^(?:\r?\n)?(?P<one>.)', re.DOTALL)
"""Texts in quotes; runs of letters that need no caret, each with one; others with one."""
DOUBLED: Final = re.compile(
    rf"(?<![\w%)])%%((?:{'|'.join(map(re.escape, ENVIRONMENT | OF_A_USER))})(?::[^%\n]{{0,80}})?)%%", re.IGNORECASE
)
"""A variable of Windows with its marks doubled, as some records have them."""
_MEANT: Final = '&|<>()^"%!\n'
_VARIABLE = re.compile(r"%([^%:\n]{1,120})(?::([^%\n]{0,400}))?%|!([^!:\n]{1,120})(?::(\*\3!=|[^!\n]{0,400}))?!")
_PART = re.compile(r"~\s*([-+]?\d{1,9})?(?:,\s*([-+]?\d{1,9}))?\s*$")
_SUM = re.compile(r"\s*([-+]?\s*(?:0x[0-9a-f]{1,8}|\d{1,10})|[a-z_]\w*)\s*([-+*/%]?)", re.IGNORECASE)
_INTEGER = re.compile(r"-?\d{1,10}")
_STEP: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: (a * b) % (1 << 32),
    "/": lambda a, b: int(a / b),
    "%": lambda a, b: a - b * int(a / b),
}


class Scope:
    def __init__(self, undoing: Undoing) -> None:
        self.undoing = undoing
        self.bounds = undoing.bounds
        self.files: dict[str, list[str]] = {}

    def tired(self) -> bool:
        """Whether nothing more is to be read."""
        return self.bounds.work <= 0

    def value(self, name: str) -> str | None:
        """What a variable holds; names in any case."""
        name = name.lower()
        known = self.undoing.variables.get("env:" + name)
        return ENVIRONMENT.get(name) if known is None else known

    def set(self, name: str, value: str | None) -> None:
        """Set a variable; None makes it unknown."""
        if value is None:
            self.undoing.variables.pop("env:" + name.lower(), None)
        else:
            self.undoing.variables["env:" + name.lower()] = self.undoing.within(value)

    def uncareted(self, text: str) -> str:
        """The text without the carets that escape nothing; those before what has a meaning stay for now."""

        def kept(found: "re.Match[str]") -> str:
            escaped: str | None = found["one"]
            if found[0][0] == '"' or (escaped is not None and escaped in _MEANT):
                return found[0]
            self.undoing.did("caret")
            return escaped if escaped is not None else found[0].replace("^", "")

        return _CARETS.sub(kept, text)

    def expanded(self, text: str, known: Callable[[str], str | None] | None = None) -> str:
        """The text with the variables that are known put in."""
        known = known or self.value
        pieces: list[str] = []
        done = at = 0
        while self.bounds.work > 0 and (found := _VARIABLE.search(text, at)):
            self.bounds.work -= 2
            name, how, delayed, delayed_how = found.groups()
            if name is None:
                name, how = delayed, delayed_how
            value = known(name)
            if how is not None:
                value = part(value, how) if value is not None else of_a_user(name, how)
            if value is None:
                at = found.start() + 1
                continue
            self.undoing.did("variable" if how is None else "part of a variable")
            pieces += (text[done : found.start()], self.undoing.within(value))
            done = at = found.end()
        return "".join(pieces) + text[done:] if pieces else text

    def computed(self, text: str) -> int | None:
        """A sum of numbers and variables, from left to right; None for what is more than that."""
        total, operator, at = 0, "+", 0
        while found := _SUM.match(text, at):
            at = found.end()
            number = self._operand(found[1].replace(" ", ""))
            if number is None or (operator in "/%" and not number):
                return None
            total = _STEP[operator](total, number)
            operator = found[2]
            if not operator:
                break
        return total if not text[at:].strip() and abs(total) < 1 << 32 else None

    def _operand(self, written: str) -> int | None:
        if written[0].isalpha() or written[0] == "_":
            written = self.value(written) or "0"
            return int(written) if _INTEGER.fullmatch(written) else None
        return int(written, 16 if "x" in written.lower() else 10)

    def wrote(self, places: list[str], text: str) -> None:
        """Note what is written to files."""
        for place in places:
            self.files.setdefault(file_name(place), []).append(text)

    def forget(self, name: str) -> None:
        """Take what was written to a file for read."""
        self.files.pop(file_name(name), None)

    def text_in(self, name: str) -> str | None:
        """What the script wrote to a file, if that is known."""
        lines = self.files.get(file_name(name)) if name else None
        return "\n".join(lines) if lines else None


def usual(name: str) -> str | None:
    """What a variable holds on nearly every Windows; names in any case."""
    return ENVIRONMENT.get(name.lower())


def part(value: str, how: str) -> str:
    """`%name:~start,length%` and `%name:old=new%`."""
    if how.startswith("~"):
        found = _PART.match(how)
        if not found:
            return value
        start = int(found[1] or 0)
        start = max(len(value) + start, 0) if start < 0 else start
        if found[2] is None:
            return value[start:]
        length = int(found[2])
        return value[start : start + length] if length >= 0 else value[start : max(len(value) + length, start)]
    old, equals, new = how.partition("=")
    if not old or not equals:
        return value
    if old[0] == "*":
        at = value.lower().find(old[1:].lower())
        return value if at < 0 or len(old) == 1 else new + value[at + len(old) - 1 :]
    return re.sub(re.escape(old), lambda _: new, value, flags=re.IGNORECASE)


def of_a_user(name: str, how: str) -> str | None:
    """A part of a variable whose value has the user's name within, where the name can't matter."""
    value = OF_A_USER.get(name.lower())
    found = _PART.match(how)
    if value is None or found is None:
        return None
    taken = part(value, how)
    start = int(found[1] or 0)
    return taken if "*" not in taken and start < value.index("*") else None


def file_name(name: str) -> str:
    """A file's name as it is looked up among those that the script wrote."""
    return name.strip('"').replace("/", "\\").rsplit("\\", 1)[-1].lower()
