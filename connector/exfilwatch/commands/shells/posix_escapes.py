"""Backslash escapes of `$'...'`, echo -e, and printf, and what printf writes.

Sources: Bash reference manual, sections ANSI-C Quoting and Bash Builtins (echo, printf); POSIX printf utility.
"""

import re
from typing import Final

LONGEST_OUTPUT: Final = 32 * 1024
"""Characters of a text that is written by printf's reuse of its format."""

_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)
_ECHO_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|(0[0-7]{0,3}|[1-7][0-7]{0,2})|(?!)(.)|(.))",
    re.DOTALL,
)
_LETTERS: Final = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}
_DIRECTIVE: Final = re.compile(r"%([-+ #0]*)(\*|\d{0,3})(?:\.(\*|\d{0,3}))?([A-Za-z%])")
_HIGH: Final = re.compile("[\x80-\xff]+")


def _letter(match: re.Match[str]) -> str:
    hexadecimal, short, long, octal, control, letter = match.groups()
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    if short or long:
        number = int(short or long, 16)
        # What bash writes for a character above U+00FF is that character; up to there bytes are gathered below.
        return chr(number) if 0xFF < number <= 0x10FFFF else chr(number).encode().decode("latin-1") if number else ""
    if octal:
        return chr(int(octal, 8) & 0xFF)
    if control:
        return chr(ord(control) & 0x1F)
    return _LETTERS.get(letter, "\\" + letter)


def _bytes_joined(text: str) -> str:
    """Text whose escapes wrote single bytes above 0x7F, read as UTF-8 where they are that."""
    if text.isascii():
        return text
    return _HIGH.sub(lambda run: _utf8(run[0]), text)


def _utf8(run: str) -> str:
    try:
        return run.encode("latin-1").decode()
    except UnicodeDecodeError:
        return run


def ansi_c(text: str) -> str:
    r"""What `$'text'` stands for. A NUL ends it, as in bash."""
    if "\\" not in text:
        return text
    return _bytes_joined(_ESCAPE.sub(_letter, text).split("\0", 1)[0])


def echo_escapes(text: str) -> str:
    r"""What `echo -e` and `%b` make of a text; `\c` ends it."""
    if "\\" not in text:
        return text
    text = text.split("\\c", 1)[0]
    return _bytes_joined(_ECHO_ESCAPE.sub(_letter, text))


def printf(form: str, values: list[str]) -> str:
    """What printf writes; its format is used again while there are values left."""
    form = _bytes_joined(_ESCAPE.sub(_letter, form)) if "\\" in form else form
    pieces: list[str] = []
    length = 0
    rest = iter(values)
    left = len(values)
    while True:
        before = left
        at = 0
        for directive in _DIRECTIVE.finditer(form):
            pieces.append(form[at : directive.start()])
            at = directive.end()
            flags, width, precision, letter = directive.groups()
            if letter == "%":
                pieces.append("%")
                continue
            value = next(rest, "")
            left = max(0, left - 1)
            pieces.append(_written(flags, width, precision, letter, value))
            length += len(pieces[-1]) + len(pieces[-2])
        pieces.append(form[at:])
        length += len(pieces[-1])
        if not left or left == before or length > LONGEST_OUTPUT:
            return "".join(pieces)[:LONGEST_OUTPUT]


def _written(flags: str, width: str, precision: str | None, letter: str, value: str) -> str:
    if letter == "b":
        text = echo_escapes(value)
    elif letter == "c":
        text = value[:1]
    elif letter in "diouxX":
        text = _number(value, letter)
    else:
        text = value
    if precision and precision.isdigit() and letter in "sb":
        text = text[: int(precision)]
    if width.isdigit():
        fill = "0" if "0" in flags and letter in "diouxX" else " "
        text = text.ljust(int(width)) if "-" in flags else text.rjust(int(width), fill)
    return text


def _number(value: str, letter: str) -> str:
    if value[:1] in {"'", '"'} and len(value) > 1:
        number = ord(value[1])
    else:
        try:
            number = int(value[:40] or "0", 0 if not value.startswith("0") or value[1:2] in "xX" else 8)
        except ValueError:
            return value
    return format(number, {"i": "d", "u": "d"}.get(letter, letter))
