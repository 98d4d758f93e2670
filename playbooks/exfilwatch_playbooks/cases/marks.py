"""Marks in texts: the last lines of a body or a note say what it tells of, so that a repeat can be seen.

Only last lines count: what an attacker writes stands before them.
"""

import re
from collections.abc import Iterable

_KEY, _DUPLICATE = "incident ", "duplicate of "
_LINE = re.compile(r"exfilwatch ([a-z][a-z0-9 :._-]{0,120})")


def signed(text: str, *marks: str) -> str:
    """The text with its marks: letters, digits, spaces and `:._-` only, which no markup reads as its own."""
    return "\n\n".join([text.rstrip(), *(f"exfilwatch {mark}" for mark in marks)]) + "\n"


def marks_in(text: str) -> list[str]:
    """The marks of a text, in order; none where other text follows them."""
    found: list[str] = []
    for line in reversed(text.splitlines()):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            break
        found.append(match[1])
    return found[::-1]


def key_mark(key: str) -> str:
    """The mark of a body that says which case it is, for systems that keep no field of ours."""
    return f"{_KEY}{key}"


def key_in(text: str) -> str:
    """The key that a body says; "" for none. It is ours alone: anybody may set a label."""
    return _after(_KEY, marks_in(text)) or ""


def duplicate_mark(case_id: str) -> str:
    """The mark of a note that says which case goes on instead, for systems that keep no such thing."""
    return f"{_DUPLICATE}{case_id}"


def duplicate_in(marks: Iterable[str]) -> str | None:
    """The id of the case that the marks of a case's notes say goes on instead."""
    return _after(_DUPLICATE, marks)


def _after(prefix: str, marks: Iterable[str]) -> str | None:
    return next((mark.removeprefix(prefix) for mark in marks if mark.startswith(prefix)), None)
