"""Where a substitution or a word ends, passing over what is quoted and nested in it."""

import re
from typing import Final

_MARK: Final = re.compile(r"\\.|['\"`{}()]", re.DOTALL)
_WORD: Final = re.compile(
    r"""(?:[^\s\\'"`$();&|<>]+|\\.|'[^']*'?|"(?:[^"\\]|\\.)*"?|\$\{[^}]*\}?|\$\([^)]*\)?|\$|`[^`]*`?)*""", re.DOTALL
)


def closing(text: str, at: int, opened: str) -> int:
    """The place after what closes the `(` or `{` that stands before `at`; the text's end when nothing does."""
    stack = [opened]
    search = _MARK.search
    while (mark := search(text, at)) is not None:
        at = mark.end()
        letter = mark[0]
        top = stack[-1]
        if letter == "'":
            if top != '"':
                at = text.find("'", at) + 1
                if not at:
                    return len(text)
        elif letter == '"' or letter == "`":
            if top == letter:
                stack.pop()
            else:
                stack.append(letter)
        elif letter == "(":
            if top == "(" or text[at - 2 : at - 1] == "$":
                stack.append("(")
        elif letter == "{":
            if text[at - 2 : at - 1] == "$":
                stack.append("{")
        elif (letter == ")" and top == "(") or (letter == "}" and top == "{"):
            stack.pop()
            if not stack:
                return at
    return len(text)


def unquoted_end(text: str, at: int) -> int:
    """The place after the word that `at` is in."""
    found = _WORD.match(text, at)
    return found.end() if found is not None else at
