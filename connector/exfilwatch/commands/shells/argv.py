"""The argument vector of a program that no shell started, from its command line as it was recorded.

Sources: Microsoft, "Parsing C command-line arguments" (the C runtime's rules since 2008); POSIX Shell Command Language,
section 2.2 Quoting.
"""

import re
from typing import Final

_PROGRAM: Final = re.compile(r'[ \t]*(?:"([^"]*)"?|([^ \t\r\n"]+))+')
_WINDOWS: Final = re.compile(r'([^\\" \t\r\n]+)|(\\+)(?=")|(\\+)|(")|([ \t\r\n]+)')
_POSIX: Final = re.compile(
    r"""([^\\'" \t\r\n]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([ \t\r\n]+)|(.)""",
    re.DOTALL,
)
# The apostrophe of an English contraction, which no quote is: don't, it's
_CONTRACTED: Final = re.compile(r"(?<=[A-Za-z])'(?=(?:s|t|re|ve|ll|d|m)(?:[\s.,;:!?]|$))")
_IN_DOUBLE: Final = re.compile(r'\\(["\\$`]|\n)')


def argv(line: str, windows: bool) -> list[str]:
    """The argument vector; the first word is the program.

    Windows: the C runtime's rules. Elsewhere the words of a POSIX shell without its expansions, where a quote that is
    never closed is a letter: Linux records hold the arguments joined by blanks, without their quotes.
    """
    return _windows(line) if windows else _posix(line)


def _windows(line: str) -> list[str]:
    words: list[str] = []
    at = 0
    # The program's name has no escapes: quotes only switch, and a backslash is a backslash.
    program = _PROGRAM.match(line)
    if program is not None:
        words.append(program[0].strip(" \t").replace('"', ""))
        at = program.end()
    word: str | None = None
    inside = False
    size = len(line)
    while at < size:
        match = _WINDOWS.match(line, at)
        if match is None:
            break
        at = match.end()
        letters, escaping, slashes, quote, blanks = match.groups()
        if letters or slashes:
            word = (word or "") + (letters or slashes)
        elif escaping:
            word = (word or "") + "\\" * (len(escaping) // 2)
            if len(escaping) % 2:
                word += '"'
                at += 1
        elif quote:
            word = word or ""
            if inside and line[at : at + 1] == '"':
                word += '"'
                at += 1
            else:
                inside = not inside
        elif inside:
            word = (word or "") + blanks
        elif word is not None:
            words.append(word)
            word = None
    if word is not None:
        words.append(word)
    return words


def _posix(line: str) -> list[str]:
    words: list[str] = []
    word: list[str] = []
    open_ = False
    # Once one quote is found never closed, no later one of its kind can be: it is not searched for again.
    size = len(line)
    at = 0
    unclosed = set[str]()
    while at < size:
        letter = line[at]
        if letter in unclosed or (letter == "'" and open_ and _CONTRACTED.match(line, at)):
            word.append(letter)
            open_ = True
            at += 1
            continue
        match = _POSIX.match(line, at)
        if match is None:
            break
        at = match.end()
        kind = match.lastindex
        if kind == 5:
            if open_:
                words.append("".join(word))
                word.clear()
                open_ = False
            continue
        open_ = True
        if kind == 3:
            word.append(_IN_DOUBLE.sub(lambda escape: escape[1] if escape[1] != "\n" else "", match[3]))
        elif kind == 4:
            word.append(match[4] if match[4] != "\n" else "")
        elif kind is not None:
            word.append(match[kind])
            if kind == 6 and letter in "'\"":
                unclosed.add(letter)
    if open_:
        words.append("".join(word))
    return words
