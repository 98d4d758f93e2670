"""Here-documents of a POSIX shell. Source: POSIX Shell Command Language, section 2.7.4."""

import re
from typing import Final

_DELIMITER: Final = re.compile(r"""[ \t]*((?:[^\s'"\\;&|<>()]|'[^'\n]*'|"[^"\n]*"|\\.)+)""")
_TABS: Final = re.compile(r"^\t+", re.MULTILINE)
_UNQUOTED: Final = dict.fromkeys(map(ord, "\\'\""))


class Documents:
    """The here-documents of one text: which were taken, and where each line that names some goes on after them."""

    def __init__(self) -> None:
        self.line_end = -1
        self.after: dict[int, int] = {}
        """By the newline of the line that names them, the place after their last one."""

    def take(self, text: str, at: int, *, tabs: bool) -> tuple[int, str | None, bool]:
        """The document whose delimiter stands at `at`: the place after the delimiter, the text, whether it expands.

        The text is None where the record ends before it.
        """
        found = _DELIMITER.match(text, at)
        if found is None:
            return at, None, False
        delimiter = found[1].translate(_UNQUOTED)
        if self.line_end < found.end():
            newline = text.find("\n", found.end())
            self.line_end = len(text) if newline < 0 else newline
        begin = self.after.get(self.line_end, self.line_end + 1)
        if begin >= len(text):
            return found.end(), None, False
        end, self.after[self.line_end] = _end(text, begin, delimiter, tabs=tabs)
        body = text[begin:end]
        return found.end(), _TABS.sub("", body) if tabs else body, delimiter == found[1]


def _end(text: str, begin: int, delimiter: str, *, tabs: bool) -> tuple[int, int]:
    """Where a document ends, and the place after the line that ends it."""
    at = text.find(delimiter, begin)
    while at >= 0:
        line = at
        while tabs and line > begin and text[line - 1] == "\t":
            line -= 1
        after = at + len(delimiter)
        if (line == begin or text[line - 1] == "\n") and text[after : after + 2].lstrip("\r")[:1] in {"", "\n"}:
            newline = text.find("\n", after)
            return line, newline + 1 if newline >= 0 else len(text)
        at = text.find(delimiter, after)
    return len(text), len(text)
