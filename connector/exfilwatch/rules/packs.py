"""The rule packs that come with exfilwatch: a pack is a folder beside this file that holds rules.

`filters` beside them is no pack, for a filter alone finds nothing: it is loaded with the packs that it is for.
"""

from pathlib import Path

from exfilwatch.errors import ConfigError

_ROOT = Path(__file__).parent
FILTERS = _ROOT / "filters"
_FILTERED = ("exfil",)


def packs() -> list[str]:
    """Names of the packs, in alphabetical order."""
    return sorted(folder.name for folder in _ROOT.iterdir() if folder != FILTERS and any(folder.glob("*.yml")))


def has_filters(name: str) -> bool:
    """Whether the filters that come with exfilwatch are for this pack."""
    return name in _FILTERED


def pack(name: str) -> Path:
    """The folder of a pack; ConfigError when there is none of that name."""
    if name not in packs():
        raise ConfigError(f"there is no rule pack {name!r}: use {' or '.join(packs())}, or give a file or a folder")
    return _ROOT / name
