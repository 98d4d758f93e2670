"""MISP: which events of your own instance, or of one that you may ask, have the indicator as an attribute.

Sent: the indicator, as JSON, and the key (`Authorization`). Source: https://www.misp-project.org/openapi/
(POST attributes/restSearch: value, type, limit, returnFormat; response.Attribute with Event, to_ids, Tag). It stays an
outsider: an instance synchronises with others, and logs what it is asked. Quota: none of its own. Terms: your own.
"""

import msgspec

from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import MALICIOUS, SUSPICIOUS, UNKNOWN, Service, ServiceOptions

_TYPES = {
    Kind.ADDRESS: ["ip-dst", "ip-src", "ip-dst|port", "ip-src|port", "domain|ip"],
    Kind.NAME: ["domain", "hostname", "domain|ip", "hostname|port"],
    Kind.HASH: ["md5", "sha1", "sha256", "filename|md5", "filename|sha1", "filename|sha256"],
}
_MOST = 50


class MispOptions(ServiceOptions):
    """`url`: of the instance, such as https://misp.example.org."""


class _Event(msgspec.Struct, frozen=True):
    id: str | int = ""
    info: str = ""


class _Tag(msgspec.Struct, frozen=True):
    name: str = ""


class _Attribute(msgspec.Struct, frozen=True):
    event_id: str | int = ""
    to_ids: bool | str | int = False
    Event: _Event = _Event()
    Tag: list[_Tag] = []


class _Found(msgspec.Struct, frozen=True):
    Attribute: list[_Attribute] = []


class _Answer(msgspec.Struct, frozen=True):
    response: _Found | list[_Found]


class Misp(Service):
    """misp.verdict, .events"""

    name = "misp"
    title = "MISP"
    kinds = frozenset(Kind)
    key_header = "Authorization"
    Settings = MispOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        asked = {
            "returnFormat": "json",
            "value": given.value,
            "type": _TYPES[given.kind],
            "limit": _MOST,
            "page": 1,
            "includeEventTags": True,
        }
        found = await self.ask("POST", "/attributes/restSearch", _Answer, json=asked)
        parts = [] if found is None else found.response if isinstance(found.response, list) else [found.response]
        attributes = [attribute for part in parts for attribute in part.Attribute]
        if not attributes:
            return [self.verdict(UNKNOWN)]
        detecting = any(str(each.to_ids).lower() in ("true", "1") for each in attributes)
        events = {str(each.event_id): each.Event.info for each in attributes}
        first = next(iter(events))
        link = f"{self.service.url}/events/view/{first}" if first.isdecimal() else ""
        tags = [tag.name for each in attributes for tag in each.Tag]
        verdict = MALICIOUS if detecting else SUSPICIOUS
        return [
            self.verdict(verdict, len(attributes), tags, link),
            self.answer("events", "Events that name it", len(events), events.values()),
        ]
