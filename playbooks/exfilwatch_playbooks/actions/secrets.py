"""What the audit log must not hold: secrets of the settings, and what looks like one in a text that somebody gave."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from exfilwatch.siem.masking import Mask

if TYPE_CHECKING:
    from exfilwatch.config import Settings

_NAMED = re.compile(r"pass|secret|token|key|credential|auth|cookie|dsn|webhook", re.IGNORECASE)
_SHORTEST = 4  # characters: what is shorter would take words apart
_IN_URL = re.compile(r"(?<=://)([^\s/@:]{0,200}:)[^\s/@]{1,500}(?=@)")
_ASSIGNED = re.compile(
    r"\b([\w-]{0,40}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|credential)[\w-]{0,20}"
    r"[\"']?\s{0,5}[=:]\s{0,5})(?:\"[^\"]{1,500}\"|'[^']{1,500}'|[^\s,;&]{1,500})",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b((?:bearer|basic|token)\s{1,5})[\w.~+/=-]{8,4000}", re.IGNORECASE)


class Secrets:
    """Takes secrets out of texts."""

    def __init__(self, settings: "Settings") -> None:
        self._mask = Mask(sorted({each for each in _texts(settings.model_dump(), "") if len(each) >= _SHORTEST}))

    def __call__(self, text: str) -> str:
        """The text without them."""
        text = _IN_URL.sub(r"\1***", self._mask(text))
        return _BEARER.sub(r"\1***", _ASSIGNED.sub(r"\1***", text))

    def of(self, name: str, value: object) -> object:
        """The value of a field for the log: nothing of one that is called as secrets are."""
        if _NAMED.search(name) and isinstance(value, str):
            return "***" if value else ""
        return self(value) if isinstance(value, str) else value


def _texts(value: Any, name: str) -> Iterator[str]:
    """Every text in the settings that is a secret by its type or its name, and passwords in URLs."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, str(key))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each, name)
    elif isinstance(value, str):
        if _NAMED.search(name):
            yield value.strip()
        for found in re.finditer(r"://[^\s/@:]{0,200}:([^\s/@]{1,500})@", value):
            yield found[1]
