"""Brace expansion: `{curl,-T,x}` and `{1..3}`, on one word with its quotes. Source: Bash reference manual."""

import re
from typing import Final

MOST: Final = 128
"""Words that one word may expand to; one that would give more stays as written."""

_MOST_LETTERS: Final = 64 * 1024
_MARKS: Final = frozenset("{},")
_RANGE: Final = re.compile(r"(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.(-?\d{1,9}))?")
_LETTERS: Final = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d{1,9}))?")


class _Brace:
    """An opened brace: what stands before it, and the choices up to its last comma (None: no comma yet)."""

    __slots__ = ("before", "choices")

    def __init__(self, before: list[str]) -> None:
        self.before = before
        self.choices: list[str] | None = None


def braces(pieces: list[str]) -> list[str]:
    """The words that a word with braces stands for, in their order, still quoted; none where it stands for itself.

    `pieces` are those of the word, each brace and comma that is not quoted on its own.
    """
    stack: list[_Brace] = []
    now = [""]
    letters: list[str] = []
    spent = 0
    expands = False
    for piece in pieces:
        if piece not in _MARKS or (piece != "{" and not stack):
            letters.append(piece)
            continue
        now = _each(now, ["".join(letters)])
        letters.clear()
        if piece == "{":
            stack.append(_Brace(now))
            now = [""]
        elif piece == ",":
            stack[-1].choices = [*(stack[-1].choices or []), *now]
            now = [""]
        else:
            brace = stack.pop()
            if brace.choices is not None:
                inside = brace.choices + now
                expands = True
            elif len(now) == 1 and (inside := _range(now[0])):
                expands = True
            else:
                inside = ["{" + text + "}" for text in now]
            if len(brace.before) * len(inside) > MOST:
                return []
            now = _each(brace.before, inside)
        spent += sum(map(len, now)) + 8
        if spent > _MOST_LETTERS or len(stack) > MOST or (stack and len(stack[-1].choices or ()) > MOST):
            return []
    return [] if stack or not expands else _each(now, ["".join(letters)])


def _each(first: list[str], second: list[str]) -> list[str]:
    return [a + b for a in first for b in second]


def _range(text: str) -> list[str]:
    if (numbers := _RANGE.fullmatch(text)) is not None:
        first, last, step = int(numbers[1]), int(numbers[2]), abs(int(numbers[3] or 1)) or 1
        width = max(len(numbers[1]), len(numbers[2])) if _padded(numbers[1]) or _padded(numbers[2]) else 0
        if abs(last - first) // step >= MOST:
            return []
        walk = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [f"{number:0{width}d}" for number in walk]
    if (letters := _LETTERS.fullmatch(text)) is not None:
        first, last, step = ord(letters[1]), ord(letters[2]), abs(int(letters[3] or 1)) or 1
        walk = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [chr(letter) for letter in walk]
    return []


def _padded(number: str) -> bool:
    digits = number.lstrip("-")
    return len(digits) > 1 and digits[0] == "0"
