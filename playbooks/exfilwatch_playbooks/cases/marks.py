"""Marks in texts: the last lines of a body or a note say what it tells of, so that a repeat can be seen.

Only last lines count: what an attacker writes stands before them.
"""

import re

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
    return f"incident {key}"
