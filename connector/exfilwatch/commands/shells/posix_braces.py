"""Brace expansion: `{curl,-T,x}` and `{1..3}`, on one word with its quotes. Source: Bash reference manual."""

import re
from typing import Final

MOST: Final = 128
"""Words that one word may expand to; one that would give more stays as written."""

_MOST_LETTERS: Final = 64 * 1024
_MARKS: Final = frozenset("{},")
_PIECE: Final = re.compile(
    r"""'[^']*'?|"(?:[^"\\]|\\.)*"?|\\.|\$\{[^}]*\}?|\$\([^)]*\)?|`[^`]*`?|[{},]|[^'"\\${},`]+|.""", re.DOTALL
)
_RANGE: Final = re.compile(r"(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.(-?\d{1,9}))?")
_LETTERS: Final = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d{1,9}))?")


class _Brace:
    """An opened brace: what stands before it, and the choices up to its last comma (None: no comma yet)."""

    __slots__ = ("before", "choices")

    def __init__(self, before: list[str]) -> None:
        self.before = before
        self.choices: list[str] | None = None


def braces(word: str) -> list[str]:
    """The words that a word with braces stands for, in their order, still quoted; only itself where there are none."""
    stack: list[_Brace] = []
    now = [""]
    letters: list[str] = []
    spent = 0
    for piece in _PIECE.findall(word):
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
            else:
                inside = (_range(now[0]) if len(now) == 1 else None) or ["{" + text + "}" for text in now]
            if len(brace.before) * len(inside) > MOST:
                return [word]
            now = _each(brace.before, inside)
        spent += sum(map(len, now)) + 8
        if spent > _MOST_LETTERS or len(stack) > MOST or (stack and len(stack[-1].choices or ()) > MOST):
            return [word]
    return [word] if stack else _each(now, ["".join(letters)])


def _each(first: list[str], second: list[str]) -> list[str]:
    return [a + b for a in first for b in second]


def _range(text: str) -> list[str] | None:
    if (numbers := _RANGE.fullmatch(text)) is not None:
        first, last, step = int(numbers[1]), int(numbers[2]), abs(int(numbers[3] or 1)) or 1
        width = max(len(numbers[1]), len(numbers[2])) if _padded(numbers[1]) or _padded(numbers[2]) else 0
        if abs(last - first) // step >= MOST:
            return None
        walk = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [f"{number:0{width}d}" for number in walk]
    if (letters := _LETTERS.fullmatch(text)) is not None:
        first, last, step = ord(letters[1]), ord(letters[2]), abs(int(letters[3] or 1)) or 1
        walk = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [chr(letter) for letter in walk]
    return None


def _padded(number: str) -> bool:
    digits = number.lstrip("-")
    return len(digits) > 1 and digits[0] == "0"
