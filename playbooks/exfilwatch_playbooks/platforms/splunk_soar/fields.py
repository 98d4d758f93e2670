"""The asset's fields that only this platform has: how polls go."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from exfilwatch.detection.detection import LEVELS
from exfilwatch.errors import ConfigError
from exfilwatch.written import duration
from exfilwatch_playbooks.platforms.splunk_soar.handing import Pace

FIELDS: dict[str, dict[str, Any]] = {
    "container_level": {
        "type": "string",
        "description": "From which level on an incident becomes a container",
        "enum": list(LEVELS),
        "default": Pace().lowest,
    },
    "first_poll": {
        "type": "string",
        "description": "How far back the first poll of a SIEM goes: 24h, 7d",
        "default": "24h",
    },
    "poll_deadline": {
        "type": "string",
        "description": "How long a poll reads, at most; the next one goes on: 4m",
        "default": "4m",
    },
}
"""As in a JSON Schema."""


def pace(given: Mapping[str, object]) -> Pace:
    """What they say. Raises ConfigError."""
    said = {name: str(given.get(name) or field["default"]).strip() for name, field in FIELDS.items()}
    lowest = said["container_level"].lower()
    if lowest not in LEVELS:
        raise ConfigError(f"container_level: use one of {', '.join(LEVELS)}")
    return Pace(lowest, _length(said, "first_poll"), _length(said, "poll_deadline").total_seconds())


def _length(said: Mapping[str, str], name: str) -> timedelta:
    try:
        found = duration(said[name])
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    if not found:
        raise ConfigError(f"{name}: give a time that is longer than none")
    return found
