"""What names a finding and its user. Apart from the models, so that printing findings need not load pydantic."""

import hashlib
from collections.abc import Iterable

from exfilwatch.detection.detection import Kinship
from exfilwatch.events.event import Event, Value


def finding_id(rule_id: str, event_ids: list[str], kinship: Kinship | None = None) -> str:
    """A hash of the rule and its events' identities: the same events give the same id in any run and order.

    Events that turn out to be of one process tree, or of different ones, are another finding than before.
    """
    kin = [kinship.name.lower()] if kinship in (Kinship.TREE, Kinship.APART) else []
    text = "\n".join([rule_id, *sorted(event_ids), *kin])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def user_of(events: Iterable[Event]) -> str | None:
    """The user of the first event that names one; `-` names none, and of several the first counts."""
    return next((name for event in events if (name := _name(event.get("User")))), None)


def _name(value: Value) -> str | None:
    if isinstance(value, list):
        return next((name for item in value if (name := _name(item))), None)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return None if value in ("", "-") else str(value)
