"""Parameters of a POSIX shell and what `${...}` makes of them, where that can be told without running anything.

Source: Bash reference manual, Shell Parameter Expansion.
"""

import enum
import re
from collections.abc import Callable
from typing import Final

import re2

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.shells.posix_arithmetic import arithmetic

MOST: Final = 128
"""Variables that are kept of one script."""
LONGEST: Final = 16 * 1024
"""Characters of a variable's value that is kept."""


class Not(enum.Enum):
    """Why a parameter has no text."""

    KNOWN = "it has a value that can't be told"
    SET = "the script never set it, and it is no variable that an environment usually has"


Value = str | list[str] | Not

_ENVIRONMENT: Final = frozenset(
    """
    HOME USER LOGNAME USERNAME PATH PWD OLDPWD SHELL TERM LANG LANGUAGE HOSTNAME HOST TMPDIR TMP TEMP MAIL EDITOR
    VISUAL PAGER DISPLAY UID EUID GID GROUPS PPID RANDOM SRANDOM SECONDS LINENO REPLY OPTARG OPTIND OSTYPE HOSTTYPE
    MACHTYPE SHLVL COLUMNS LINES EPOCHSECONDS EPOCHREALTIME FUNCNAME DIRSTACK SUDO_USER SUDO_UID SUDO_GID SUDO_COMMAND
    SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy ftp_proxy JAVA_HOME GOPATH
    VIRTUAL_ENV CI WORKSPACE DEBIAN_FRONTEND TZ PS1 PS2 PS4 CDPATH ENV BASH BASHPID BASH_SOURCE BASH_VERSION
    BASH_VERSINFO BASH_COMMAND ZSH_NAME ZSH_VERSION KSH_VERSION COPROC MAPFILE PIPESTATUS COMP_WORDS HISTFILE
    """.split()  # noqa: SIM905 -- as a list it fills the page
)
# Bash sets it so in every shell that is not interactive; its letters are known to be picked out.
_ALWAYS: Final = {"SHELLOPTS": "braceexpand:hashall:interactive-comments", "IFS": " \t\n"}
_ROOTED: Final = frozenset({"HOME", "PATH", "PWD", "OLDPWD", "SHELL", "BASH"})
_PARAMETER: Final = re.compile(r"([!#]?)([A-Za-z_]\w*|\d+|[@*#?$!-])(?:\[([^\]]*)\])?(.*)", re.DOTALL)
_GLOB: Final = re.compile(r"\\(.)|\[(!|\^)?(\]?[^\]]*)\]|([*?])|'([^']*)'|\"([^\"]*)\"|(.)", re.DOTALL)
_SPECIAL_GLOB: Final = re.compile(r"[*?\[\\'\"]")
_GLOB_COST: Final = 400
_OPERATION_COST: Final = 32
"""Characters of the bounds that an expansion costs; those that need an expression cost more."""


class Parameters:
    """What the variables, arrays and positional parameters of a script are, as far as it set them itself."""

    __slots__ = ("arrays", "lent", "positional", "undoing", "unknown", "values")

    def __init__(self, undoing: Undoing, outer: "Parameters | None" = None) -> None:
        self.undoing = undoing
        self.values = undoing.variables
        self.arrays: dict[str, list[str]] = dict(outer.arrays) if outer is not None and outer.arrays else {}
        self.unknown: set[str] = set(outer.unknown) if outer is not None and outer.unknown else set()
        self.lent: set[str] = set(outer.lent) if outer is not None and outer.lent else set()
        """Variables that only a program of the script has, for the scripts that it may run."""
        self.positional: list[str] | None = outer.positional if outer is not None else None
        if outer is None and "1" in self.values:
            self.positional = [self.values[str(number)] for number in range(1, MOST) if str(number) in self.values]

    def set(self, name: str, value: str) -> None:
        """A variable has this value from here on."""
        if len(value) > LONGEST or (name not in self.values and len(self.values) >= MOST):
            self.forget(name)
            return
        self.values[name] = self.undoing.within(value) if len(value) > 64 else value
        self.unknown.discard(name)
        self.lent.discard(name)
        self.arrays.pop(name, None)

    def lend(self, name: str, value: str) -> None:
        """A program is given a variable, which the script itself does not get."""
        if name not in self.values:
            self.set(name, value)
            self.lent.add(name)

    def set_array(self, name: str, values: list[str]) -> None:
        """An array has these elements from here on."""
        self.forget(name)
        if len(self.arrays) < MOST and sum(map(len, values)) <= LONGEST:
            self.arrays[name] = values

    def forget(self, name: str) -> None:
        """A variable is set to what can't be told."""
        self.values.pop(name, None)
        self.arrays.pop(name, None)
        if len(self.unknown) < 4 * MOST:
            self.unknown.add(name)

    def unset(self, name: str) -> None:
        """A variable is no more."""
        self.values.pop(name, None)
        self.arrays.pop(name, None)
        self.unknown.discard(name)

    def plain(self, name: str) -> str | Not:
        """The value of `$name`, for a name of letters."""
        value = self.values.get(name)
        if value is not None and name not in self.lent:
            return value
        if name in self.arrays:
            return self.arrays[name][0] if self.arrays[name] else ""
        if name in self.unknown or name in _ENVIRONMENT or name.startswith("LC_"):
            return Not.KNOWN
        return _ALWAYS.get(name, Not.SET)

    def special(self, name: str) -> Value:
        """The value of `$1`, `$@`, `$#` and their like."""
        if name == "0":
            return self.values.get(name, Not.KNOWN)
        if name.isdigit():
            if self.positional is None:
                return Not.SET
            return self.positional[int(name) - 1] if 0 < int(name[:6]) <= len(self.positional) else Not.SET
        if name in "@*":
            if self.positional is None:
                return Not.SET
            return list(self.positional) if name == "@" else " ".join(self.positional)
        if name == "#" and self.positional is not None:
            return str(len(self.positional))
        return Not.KNOWN

    def number(self, name: str) -> str | None:
        """A variable's text for arithmetic, where one that is not set counts as nothing."""
        value = self.plain(name)
        return value if isinstance(value, str) else "" if value is Not.SET else None

    def arithmetic(self, text: str) -> int | None:
        """The value of an expression of constants and variables that are known."""
        self.undoing.bounds.left -= 64
        return arithmetic(text, self.number)

    def expanded(self, inside: str, operand: Callable[[str], str]) -> Value:
        """What `${inside}` stands for. `operand` expands a text that stands within it."""
        self.undoing.bounds.left -= _OPERATION_COST
        match = _PARAMETER.fullmatch(inside)
        if match is None:
            return Not.KNOWN
        mark, name, index, rest = match.groups()
        value = self._of(name, index)
        if mark == "!":
            return self._indirect(name, value, index, rest)
        if mark == "#":
            if rest:
                return Not.KNOWN
            return Not.KNOWN if value is Not.KNOWN else str(0 if value is Not.SET else len(value))
        return self._operated(name, value, rest, operand) if rest else value

    def _of(self, name: str, index: str | None) -> Value:
        if not (name[0].isalpha() or name[0] == "_"):
            return self.special(name)
        if index is None:
            return self.plain(name)
        array = self.arrays.get(name)
        if array is None:
            return self.plain(name) if index in {"0", "@", "*"} else Not.KNOWN
        if index in {"@", "*"}:
            return list(array) if index == "@" else " ".join(array)
        number = self.arithmetic(index)
        if number is None or not -len(array) <= number < len(array):
            return Not.KNOWN if number is None else Not.SET
        return array[number]

    def _indirect(self, name: str, value: Value, index: str | None, rest: str) -> Value:
        if name in "@*" or (index is None and rest in {"@", "*"}):
            return Not.SET
        if index is not None or rest or not isinstance(value, str) or not value.isidentifier():
            return Not.KNOWN
        return self.plain(value)

    def _operated(self, name: str, value: Value, rest: str, operand: Callable[[str], str]) -> Value:
        operator = rest[0]
        second = rest[1:2]
        if operator in "-=?+" or (operator == ":" and second and second in "-=?+"):
            return self._defaulted(name, value, rest, operand)
        if operator == ":" and name in _ROOTED and value is Not.KNOWN:
            return "/" if re.fullmatch(r":\s*0?\s*:\s*1\s*", rest) else Not.KNOWN
        if isinstance(value, Not):
            return value
        if isinstance(value, list):
            if operator == ":":
                start, stop = self._slice(rest[1:], len(value))
                return value[start:stop] if start is not None else Not.KNOWN
            texts = [self._one(text, rest, operand) for text in value[:MOST]]
            return [text for text in texts if isinstance(text, str)] if len(texts) == len(value) else Not.KNOWN
        return self._one(value, rest, operand)

    def _defaulted(self, name: str, value: Value, rest: str, operand: Callable[[str], str]) -> Value:
        colon = rest[0] == ":"
        operator, word = (rest[1], rest[2:]) if colon else (rest[0], rest[1:])
        if value is Not.KNOWN or (value is Not.SET and name in "@*#?$!-"):
            # What runs within it may run.
            operand(word)
            return value
        given = value is not Not.SET and not (colon and not value)
        if operator == "+":
            return operand(word) if given else ""
        if given and isinstance(value, str) and ("$(" in value or "`" in value):
            operand(word)  # what it holds is not known, so what runs within it may run
        if given or operator == "?":
            return value
        default = operand(word)
        if operator == "=":
            self.set(name, default)
        return default

    def _one(self, value: str, rest: str, operand: Callable[[str], str]) -> str | Not:
        operator = rest[0]
        if operator == ":":
            start, stop = self._slice(rest[1:], len(value))
            return value[start:stop] if start is not None else Not.KNOWN
        if operator in "#%":
            twice = rest[1:2] == operator
            pattern = operand(rest[2:] if twice else rest[1:])
            return self._trimmed(value, pattern, at_end=operator == "%", longest=twice)
        if operator == "/":
            return self._replaced(value, rest[1:], operand)
        if rest in {"^^", ",,", "~~", "^", ",", "~"}:
            change = {"^": str.upper, ",": str.lower, "~": str.swapcase}[operator]
            return change(value) if len(rest) == 2 else change(value[:1]) + value[1:]
        return Not.KNOWN

    def _slice(self, text: str, length: int) -> tuple[int | None, int | None]:
        first, colon, second = text.partition(":")
        start = self.arithmetic(first)
        stop = self.arithmetic(second) if colon else None
        if start is None or (colon and stop is None):
            return None, None
        start = max(0, length + start) if start < 0 else start
        if stop is None:
            return start, None
        return start, max(0, length + stop) if stop < 0 else start + stop

    def _trimmed(self, value: str, pattern: str, *, at_end: bool, longest: bool) -> str | Not:
        if not _SPECIAL_GLOB.search(pattern):
            return value.removesuffix(pattern) if at_end else value.removeprefix(pattern)
        glob = self._glob(pattern, greedy=longest)
        if glob is None:
            return Not.KNOWN
        try:
            if not at_end:
                found = re2.match("(?s)" + glob, value)
                return value[found.end() :] if found else value
            found = re2.fullmatch(f"(?s)(.*{'?' if longest else ''})(?:{glob})", value)
            return str(found[1]) if found else value
        except re2.error:
            return Not.KNOWN

    def _replaced(self, value: str, rest: str, operand: Callable[[str], str]) -> str | Not:
        everywhere = rest[:1] == "/"
        rest = rest[1:] if everywhere else rest
        split = re.match(r"((?:[^/\\]|\\.)*)(?:/(.*))?", rest, re.DOTALL)
        if split is None:
            return Not.KNOWN
        pattern, new = operand(split[1]), operand(split[2] or "")
        place = pattern[:1] if pattern[:1] in {"#", "%"} and not everywhere else ""
        pattern = pattern[len(place) :]
        if not pattern:
            return {"#": new + value, "%": value + new}.get(place, value)
        if not _SPECIAL_GLOB.search(pattern) and not place:
            if value.count(pattern) * len(new) > LONGEST:
                return Not.KNOWN
            return value.replace(pattern, new) if everywhere else value.replace(pattern, new, 1)
        glob = self._glob(pattern, greedy=True)
        if glob is None or len(new) > 256:
            return Not.KNOWN
        whole = f"(?s){'^' if place == '#' else ''}(?:{glob}){'$' if place == '%' else ''}"
        try:
            return str(re2.sub(whole, new.replace("\\", "\\\\"), value, count=0 if everywhere else 1))[:LONGEST]
        except re2.error:
            return Not.KNOWN

    def _glob(self, pattern: str, *, greedy: bool) -> str | None:
        """The expression of a glob, for RE2; None when it is too long, or the bounds are used up."""
        self.undoing.bounds.left -= _GLOB_COST
        if len(pattern) > 256 or self.undoing.bounds.left <= 0:
            return None
        return "".join(_globbed(match, greedy=greedy) for match in _GLOB.finditer(pattern))


def _globbed(match: re.Match[str], *, greedy: bool) -> str:
    escaped, negated, letters, mark, single, double, letter = match.groups()
    if letters is not None:
        inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", letters)
        return f"[{'^' if negated else ''}{inside}]" if letters else re.escape(match[0])
    if mark:
        return "." if mark == "?" else ".*" if greedy else ".*?"
    return re.escape(next(text for text in (escaped, single, double, letter) if text is not None))
