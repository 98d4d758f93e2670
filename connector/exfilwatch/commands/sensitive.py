"""How grave it is that a file or folder leaves: its kind (sensitive.yml)."""

from collections.abc import Sequence
from functools import lru_cache

from exfilwatch.commands.expression import Expression
from exfilwatch.packaged import packaged


@lru_cache(4_096)
def kind_of(source: str) -> str:
    """The kind of a file or folder as a command names it; "" for one that tells nothing."""
    path = source.strip("'\" ").replace("\\", "/")[:1_000]
    return next((kind for kind, found in _kinds() if found.search(path)), "")


@lru_cache(1)
def _kinds() -> Sequence[tuple[str, Expression]]:
    found = packaged("exfilwatch.commands", "sensitive.yml")
    return [(kind, Expression("|".join(f"(?:{each})" for each in texts))) for kind, texts in found.items()]
