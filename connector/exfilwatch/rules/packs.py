"""The rule packs that come with exfilwatch: a pack is a folder beside this file that holds rules."""

from pathlib import Path

from exfilwatch.errors import ConfigError

_ROOT = Path(__file__).parent


def packs() -> list[str]:
    """Names of the packs, in alphabetical order. `filters` is no pack: a filter alone finds nothing."""
    return sorted(folder.name for folder in _ROOT.iterdir() if folder.name != "filters" and any(folder.glob("*.yml")))


def pack(name: str) -> Path:
    """The folder of a pack; ConfigError when there is none of that name."""
    if name not in packs():
        raise ConfigError(f"there is no rule pack {name!r}: use {' or '.join(packs())}, or give a file or a folder")
    return _ROOT / name
