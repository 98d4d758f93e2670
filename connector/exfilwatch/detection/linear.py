"""RE2: expressions that are searched in linear time, whatever the text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2

_ROOM = 32 << 20
"""Bytes for what RE2 works out of a set of texts."""


def compiled(expression: str) -> Callable[[str], Any]:
    """A search for the expression. Raises re2.error where RE2 can't run it."""
    search: Callable[[str], Any] = re2.compile(expression, options()).search
    return search


def finder(expressions: Iterable[str]) -> Callable[[str], bool]:
    """Whether one of the expressions is found in a text that is sound Unicode; compiled when it is first asked.

    It never says no where it can't tell. Faster than a search, which also says where.
    """
    whole = "|".join(f"(?:{each})" for each in expressions)
    found: list[Callable[[str], Any]] = []

    def finds(text: str) -> bool:
        if not found:
            made = re2.Set.SearchSet(options())
            try:
                made.Add(whole)
                made.Compile()
            except re2.error:  # too large, or none that RE2 can run
                found.append(lambda _text: True)
            else:
                found.append(made.Match)
        return bool(found[0](text))

    return finds


@lru_cache(200)
def standing(texts: tuple[str, ...]) -> Callable[[str], list[int]]:
    """Which of many ASCII texts stand in another one, by their numbers: one pass for all; compiled when first asked."""
    made: list[Callable[[str], list[int]]] = []

    def stand(text: str) -> list[int]:
        if not made:
            made.extend(_standing(texts, 0))
        return made[0](text) if len(made) == 1 else [number for each in made for number in each(text)]

    return stand


def _standing(texts: Sequence[str], first: int) -> Iterator[Callable[[str], list[int]]]:
    """The looks for texts that are numbered from `first` on: of what is too large for RE2, for each half."""
    if len(texts) == 1:
        yield lambda text: [first] if texts[0] in text else []
        return
    chosen = options()
    chosen.max_mem = _ROOM
    every = re2.Set.SearchSet(chosen)
    try:
        for each in texts:
            every.Add(re2.escape(each))
        every.Compile()
    except re2.error:
        middle = len(texts) // 2
        yield from _standing(texts[:middle], first)
        yield from _standing(texts[middle:], first + middle)
        return
    yield lambda text: [first + number for number in every.Match(text) or ()]


def searched(search: Callable[[str], Any], text: str) -> Any:
    """What a search finds, also in text that is no sound Unicode."""
    try:
        return search(text)
    except UnicodeEncodeError:  # a lone surrogate; one character for one, so that offsets stay right
        return search(text.encode("utf-8", "replace").decode())


def options() -> Any:
    """For RE2: room for long alternatives, and nothing written to standard error."""
    chosen = re2.Options()
    chosen.max_mem = 64 << 20
    chosen.log_errors = False
    return chosen
