"""The argument vector of a program that no shell started, from its command line as it was recorded.

Sources: Microsoft, "Parsing C command-line arguments" (the C runtime's rules since 2008); POSIX Shell Command Language,
section 2.2 Quoting.
"""

import re
from typing import Final

_PROGRAM: Final = re.compile(r'[ \t]*(?:"[^"]*"?|[^ \t\r\n"]+)*')
# Runs of letters and blanks, backslashes that stand before no quote among them.
_WINDOWS: Final = re.compile(r'((?:[^\\"]+|\\+(?![\\"]))+)|(\\+)(?=")|(")')
_POSIX: Final = re.compile(r"""([^\\'"]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(.)""", re.DOTALL)
# The apostrophe of an English contraction, which no quote is: don't, it's
_CONTRACTED: Final = re.compile(r"(?<=[A-Za-z])'(?=(?:s|t|re|ve|ll|d|m)(?:[\s.,;:!?]|$))")
_QUOTING: Final = re.compile(r"[\\'\"]")
_IN_DOUBLE: Final = re.compile(r'\\(["\\$`]|\n)')


def argv(line: str, windows: bool) -> list[str]:
    """The argument vector; the first word is the program.

    Windows: the C runtime's rules. Elsewhere the words of a POSIX shell without its expansions, where a quote that is
    never closed is a letter: Linux records hold the arguments joined by blanks, without their quotes.
    """
    return _windows(line) if windows else _posix(line)


def _windows(line: str) -> list[str]:
    # The program's name has no escapes: quotes only switch, and a backslash is a backslash.
    program = _PROGRAM.match(line)
    at = program.end() if program is not None else 0
    name = line[:at].strip(" \t")
    words = _Words([name.replace('"', "")] if name else [])
    if '"' not in line[at:]:
        words.found += line[at:].split()
        return words.found
    inside = False
    size = len(line)
    while at < size:
        match = _WINDOWS.match(line, at)
        if match is None:
            break
        at = match.end()
        run, slashes, _ = match.groups()
        if run:
            if inside:
                words.add(run)
            else:
                words.run(run)
        elif slashes:
            words.add("\\" * (len(slashes) // 2))
            if len(slashes) % 2:
                words.add('"')
                at += 1
        elif inside and line[at : at + 1] == '"':
            words.add('"')
            at += 1
        else:
            words.add("")
            inside = not inside
    return words.ended()


def _posix(line: str) -> list[str]:
    if not _QUOTING.search(line):
        return line.split()
    words = _Words([])
    # Once one quote is found never closed, no later one of its kind can be: it is not searched for again.
    unclosed = set[str]()
    size = len(line)
    at = 0
    while at < size:
        letter = line[at]
        if letter in unclosed or (letter == "'" and words.pieces and _CONTRACTED.match(line, at)):
            words.add(letter)
            at += 1
            continue
        match = _POSIX.match(line, at)
        if match is None:
            break
        at = match.end()
        kind = match.lastindex
        if kind == 1:
            words.run(match[1])
        elif kind == 3:
            words.add(_IN_DOUBLE.sub(lambda escape: escape[1] if escape[1] != "\n" else "", match[3]))
        elif kind == 4:
            words.add(match[4] if match[4] != "\n" else "")
        elif kind is not None:
            words.add(match[kind])
            if kind == 5 and letter in "'\"":
                unclosed.add(letter)
    return words.ended()


class _Words:
    """Words being put together from pieces."""

    __slots__ = ("found", "pieces")

    def __init__(self, found: list[str]) -> None:
        self.found = found
        self.pieces: list[str] = []

    def add(self, piece: str) -> None:
        """A piece of a word, in which a blank is a letter."""
        self.pieces.append(piece)

    def run(self, text: str) -> None:
        """A text in which blanks part words."""
        parts = text.split()
        if self.pieces and parts and not text[0].isspace():
            self.pieces.append(parts.pop(0))
            if not parts and not text[-1].isspace():
                return
        if self.pieces:
            self.found.append("".join(self.pieces))
            self.pieces.clear()
        if parts and not text[-1].isspace():
            self.pieces.append(parts.pop())
        self.found += parts

    def ended(self) -> list[str]:
        """The words, now that the line ends."""
        if self.pieces:
            self.found.append("".join(self.pieces))
        return self.found
