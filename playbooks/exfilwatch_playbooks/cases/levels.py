"""Severities as a case system calls them."""

from collections.abc import Mapping

from exfilwatch.detection.detection import LEVELS
from exfilwatch_playbooks.cases.settings import Level


def words(usual: Mapping[str, str], configured: Mapping[Level, str]) -> dict[str, str]:
    """The word for each level: the settings', else the usual one. Other levels, which rules may have, get medium's."""
    return _Words(
        {level: usual.get(level, "") for level in LEVELS} | {str(level): configured[level] for level in configured}
    )


class _Words(dict[str, str]):
    def __missing__(self, level: str) -> str:
        return self["medium"]


def level_of(known: Mapping[str, str], word: str) -> str:
    """The level that a word stands for; empty where several levels have it, or none."""
    found = [level for level, each in known.items() if word and each.lower() == word.lower()]
    return found[0] if len(found) == 1 else ""
