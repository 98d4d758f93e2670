"""How grave it is that a file or folder leaves: its kind (sensitive.yml)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from exfilwatch.commands import site
from exfilwatch.commands.expression import Expression, linear
from exfilwatch.errors import ConfigError
from exfilwatch.packaged import packaged

_FILE = "sensitive.yml"


@lru_cache(4_096)
def kind_of(source: str) -> str:
    """The kind of a file or folder as a command names it; "" for one that tells nothing."""
    path = source.strip("'\" ").replace("\\", "/")[:1_000]
    return next((kind for kind, found in _kinds() if found.search(path)), "")


@lru_cache(1)
def _kinds() -> Sequence[tuple[str, Expression]]:
    """Each kind's expressions: first those of the site for all, then those that come along."""
    found = packaged("exfilwatch.commands", "sensitive.yml")
    own = site.table(_FILE, found)
    for kind, texts in own.items():
        for text in texts:
            try:
                linear(text)
            except re.error as error:
                raise ConfigError(f"{site.place(_FILE)}: {kind}: {text!r} is no expression: {error}") from error
    return [
        *((kind, linear(_either(texts))) for kind, texts in own.items()),
        *((kind, Expression(_either(texts))) for kind, texts in found.items()),
    ]


def _either(texts: Sequence[str]) -> str:
    return "|".join(f"(?:{each})" for each in texts)


def check() -> None:
    """Raises ConfigError when what a site says of files is unsound."""
    _kinds()
