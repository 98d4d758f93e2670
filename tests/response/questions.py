"""Questions of asks.yml, asked with one value in every place."""

import re
from datetime import UTC, datetime

from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.languages import Language, asks, queries_of
from exfilwatch_playbooks.response.languages.asking import Ask, Meaning, asked

from .. import hostile_values  # noqa: TID252 (tests are no package on the path)
from .known import everything

NOW = datetime(2026, 3, 12, 9, 14, 2, tzinfo=UTC)
IP = "203.0.113.9"
VALUES = [value for value in hostile_values.VALUES if len(value) < 30_000]
NAMES = list(asks())


def said(value: str) -> Facts:
    """A finding whose every name is the value."""
    return everything(value, time=NOW, end=NOW, destination_ip=IP)


def query(name: str, language: Language, value: str) -> str | None:
    """The question's text; None where it is not asked."""
    found = queries_of(name, [said(value)], [language], 3)
    return found[0].text if found else None


def compared(meaning: Meaning, value: str) -> str:
    """What of a value is asked for; "" for nothing."""
    if meaning == "destination_ip":
        return IP
    placeholder = "host" if meaning == "host" else "user"
    ask = asked(Ask(title="x", records="process", where={meaning: placeholder}, days=1), [said(value)], 3)
    return ask.where[0].values[0] if ask else ""


def recordable(value: str) -> bool:
    """Whether it can be in a record at all: JSON that is valid has no halves of surrogate pairs."""
    return not re.search("[\ud800-\udfff]", value)
