"""One look through the long texts of many rows, where rules ask for few enough expressions in one text alone."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec
import re2

from exfilwatch.detection.linear import options
from exfilwatch.detection.texts import Searched, Words
from exfilwatch.events.typed import Row

MOST = 40
"""Expressions that are looked for at once: the more, the sooner RE2 has to work out anew what it knew."""

Numbers: TypeAlias = tuple[int, ...]
_decode = msgspec.json.Decoder().decode


class Together:
    """All that is looked for in a text. `raw` gives the text of a row as it stands in the record, in JSON."""

    def __init__(self, words: Words, raw: Callable[[Row], msgspec.Raw]) -> None:
        """Raises re2.error."""
        self._raw = raw
        self._cased = words.cased
        self._set = re2.Set.SearchSet(options())
        for expression in words.expressions:
            self._set.Add(expression)
        self._set.Compile()

    def found(self, rows: Iterable[Row]) -> list[Numbers | None]:
        """What is found in each row; None where that can't be told."""
        match, cased = self._set.Match, self._cased
        found: list[Numbers | None] = []
        for raw in map(self._raw, rows):
            text = _decode(raw) if len(raw) else None
            if type(text) is str and text.isascii():
                found.append(tuple(match((text if cased else text.lower()).encode()) or ()))
            else:
                found.append(() if text is None else None)
        return found


def together(texts: list[Searched], raw: Callable[[Words], Callable[[Row], msgspec.Raw] | None]) -> Together | None:
    """A look for all that is asked of some texts; None where that is too much, or not of one text alone."""
    words = texts[0] if len(texts) == 1 else None
    if not isinstance(words, Words) or len(words.expressions) > MOST:
        return None
    get = raw(words)
    try:
        return Together(words, get) if get else None
    except re2.error:
        return None
