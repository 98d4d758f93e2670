"""How grave it is that a file or folder leaves: its kind (sensitive.yml)."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from exfilwatch.commands.expression import Expression

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(4_096)
def kind_of(source: str) -> str:
    """The kind of a file or folder as a command names it; "" for one that tells nothing."""
    path = source.strip("'\" ").replace("\\", "/")[:1_000]
    return next((kind for kind, found in _kinds() if found.search(path)), "")


@lru_cache(1)
def _kinds() -> Sequence[tuple[str, Expression]]:
    text = files("exfilwatch.commands").joinpath("sensitive.yml").read_text("utf-8")
    found = yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    return [(kind, Expression("|".join(f"(?:{each})" for each in texts))) for kind, texts in found.items()]
