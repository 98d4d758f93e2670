"""Tests for queries of search engines: words and signs of which one has to stand in a text.

An index of words is soon asked for any of thousands of them, and one expression looks through all values of a keyword;
so what a command line has to hold is said in these two ways. Letters count without regard to case.
"""

import re
from collections.abc import Iterable

from exfilwatch.commands.fields import line_acts
from exfilwatch.detection.linear import compiled, searched
from exfilwatch.detection.values import OfScalar, Place, text_of
from exfilwatch.events.event import Value

_TOKEN = re.compile(
    r"[a-z0-9_]+(?:(?<=[a-z_])[.':](?=[a-z_])[a-z0-9_]+|(?<=[0-9])[.',](?=[0-9])[a-z0-9_]+)*", re.IGNORECASE
)
"""Words as the standard analyzer cuts them, in ASCII: https://www.unicode.org/reports/tr29/#Word_Boundaries"""
ENDS = ("", ".exe", ".com", ".com.exe")


class Words(OfScalar):
    """One of `names` is a word of the text, or begins with one of `begins`; lower-case.

    Of `programs`, the names may end as those of files do; others may go on after a colon or an apostrophe, which make
    no end of a word.
    """

    def __init__(self, names: Iterable[str], begins: Iterable[str] = (), *, programs: bool = False) -> None:
        self.names = tuple(dict.fromkeys(names))
        self.begins = tuple(dict.fromkeys(begins))
        self.programs = programs
        self._whole = frozenset(name + end for name in self.names for end in (ENDS if programs else ENDS[:1]))

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        for token in _TOKEN.findall(text or ""):
            word = token.lower()
            head = word if self.programs else re.split("[':]", word)[0]
            if word in self._whole or head in self._whole or (self.begins and word.startswith(self.begins)):
                return Place(token, None)
        return None


class Signs(OfScalar):
    """One of some expressions is found in the text, written in what RE2's and Lucene's syntax have in common: literals,
    classes, groups, `|`, `?`, `*`, `+`; what is no letter or digit and stands for itself has a backslash, but for `_`
    and blanks; letters in classes stand there in both cases. `cased`: letters count with regard to it."""

    def __init__(self, expressions: Iterable[str], *, cased: bool = False) -> None:
        self.expressions = tuple(dict.fromkeys(expressions))
        self.cased = cased
        self._search = compiled(f"(?{'s' if cased else 'is'}){'|'.join(self.expressions)}")

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        found = None if text is None else searched(self._search, text)
        return Place(found[0], found.start()) if found else None


class Looked(OfScalar):
    """A command line that does something, as those tell who ask an index for its lines and look at each (looks.py)."""

    def _place(self, value: Value) -> Place | None:
        text = text_of(value)
        return Place(text, None) if text and line_acts(text, "", "") else None


class Nothing(OfScalar):
    """The event has no such field, or an empty text in it."""

    def holds(self, value: Value) -> bool:
        return value is None or text_of(value) == ""

    def place(self, value: Value) -> Place | None:
        return Place("", None) if self.holds(value) else None


def literal(text: str) -> str:
    """A text as an expression of signs."""
    return "".join(char if char.isalnum() or char in "_ " or not char.isascii() else f"\\{char}" for char in text)


def pieces(name: str) -> list[str]:
    """The words of which an index makes a name; lower-case."""
    return [found.lower() for found in _TOKEN.findall(name)]
