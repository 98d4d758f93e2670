"""Where a substitution or a word ends, passing over what is quoted and nested in it."""

import re
from typing import Final

MOST: Final = 8192
"""Brackets and quotes that are looked at for one end, and pieces of one word."""

_MARK: Final = re.compile(r"\\.|['\"`{}()]|\bcase\s+[^\s;]+\s+in\b|\besac\b|(?<=\s)#", re.DOTALL)
_PIECE: Final = re.compile(r"""([{},])|[^\s\\'"`$();&|<>{},]+|\\.|'[^']*'?|("|\$\{|\$\()|`[^`]*`?|\$""", re.DOTALL)


def closing(text: str, at: int, opened: str) -> int:
    """The place after what closes the `(`, `{` or `"` that stands before `at`; the text's end when nothing does."""
    stack = [opened]
    search = _MARK.search
    for _ in range(MOST):
        mark = search(text, at)
        if mark is None:
            break
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
                if not stack:
                    return at
            else:
                stack.append(letter)
        elif letter[0] == "c":
            # The patterns of a case end with parentheses that nothing opened.
            if top == "(" or top == "case":
                stack.append("case")
        elif letter == "esac":
            if top == "case":
                stack.pop()
        elif letter == "#":
            if top == "(" or top == "case":
                at = text.find("\n", at)
                if at < 0:
                    return len(text)
        elif letter == "(":
            if top == "(" or top == "case" or text[at - 2 : at - 1] == "$":
                stack.append("(")
        elif letter == "{":
            if text[at - 2 : at - 1] == "$":
                stack.append("{")
        elif (letter == ")" and top == "(") or (letter == "}" and top == "{"):
            stack.pop()
            if not stack:
                return at
    return len(text)


def word_pieces(text: str, at: int) -> tuple[list[str], int]:
    """The rest of the word that begins at `at`, in pieces: each brace and comma, quotes and substitutions whole.

    And the place after it.
    """
    pieces: list[str] = []
    while (piece := _PIECE.match(text, at)) is not None and len(pieces) < MOST:
        end = piece.end() if piece.lastindex != 2 else closing(text, piece.end(), text[piece.end() - 1])
        pieces.append(text[at:end])
        at = end
    return pieces, at
