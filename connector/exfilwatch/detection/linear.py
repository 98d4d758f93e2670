"""RE2: expressions that are searched in linear time, whatever the text."""

from collections.abc import Callable
from typing import Any

import re2


def compiled(expression: str) -> Callable[[str], Any]:
    """A search for the expression. Raises re2.error where RE2 can't run it."""
    search: Callable[[str], Any] = re2.compile(expression, options()).search
    return search


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
