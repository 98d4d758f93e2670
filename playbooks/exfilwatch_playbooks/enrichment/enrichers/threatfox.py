"""ThreatFox (abuse.ch): whether an address, a name or a hash is an indicator of known malware, and of which.

Sent: the indicator, as JSON, and the key (`Auth-Key`). Source: https://threatfox.abuse.ch/api/ (search_ioc with
exact_match, search_hash; query_status ok, no_result; confidence_level is 0 to 100). Terms: fair use; for profit, see
https://abuse.ch/terms-of-use/.
"""

from typing import Annotated

import msgspec
from pydantic import Field

from exfilwatch.errors import SourceError
from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import UNKNOWN, Service, ServiceOptions, graded, text

_NONE = frozenset({"no_result", "no_results", "illegal_search_term", "illegal_hash"})


class ThreatFoxOptions(ServiceOptions):
    """`malicious`: from which confidence on (0 to 100)."""

    url: Url = "https://threatfox-api.abuse.ch/api/v1"
    malicious: Annotated[int, Field(ge=1, le=100)] = 50


class _Ioc(msgspec.Struct, frozen=True):
    id: str | int = ""
    ioc: str = ""
    threat_type: str | None = None
    malware_printable: str | None = None
    confidence_level: int | None = None
    first_seen: str | None = None
    tags: list[str] | None = None


class _Answer(msgspec.Struct, frozen=True):
    query_status: str
    data: list[_Ioc] | str | None = None


class ThreatFox(Service):
    """threatfox.verdict, .malware, .first"""

    name = "threatfox"
    title = "ThreatFox"
    kinds = frozenset(Kind)
    key_header = "Auth-Key"
    Settings = ThreatFoxOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        asked: dict[str, object] = {"query": "search_ioc", "search_term": given.value, "exact_match": True}
        if given.kind is Kind.HASH:
            if given.algorithm == "sha1":
                return []
            asked = {"query": "search_hash", "hash": given.value}
        elif given.kind is Kind.ADDRESS:
            asked["exact_match"] = False  # its addresses have ports: 1.2.3.4:443
        found = await self.ask("POST", "/", _Answer, json=asked)
        if found is None or found.query_status in _NONE:
            return [self.verdict(UNKNOWN)]
        if found.query_status != "ok" or not isinstance(found.data, list):
            raise SourceError(f"{self.called}: answered {text(found.query_status)}: check its `key`")
        iocs = [each for each in found.data if given.kind is not Kind.ADDRESS or _is_of(each.ioc, given.value)]
        if not iocs:
            return [self.verdict(UNKNOWN)]
        assert isinstance(self.options, ThreatFoxOptions)
        sure = max(each.confidence_level or 0 for each in iocs)
        tags = [tag for each in iocs for tag in (each.threat_type, *(each.tags or ())) if tag]
        link = f"https://threatfox.abuse.ch/ioc/{iocs[0].id}/" if str(iocs[0].id).isdecimal() else ""
        answers = [self.verdict(graded(sure, self.options.malicious, 0), sure, tags, link)]
        malware = [each.malware_printable for each in iocs if each.malware_printable]
        if malware:
            answers.append(self.answer("malware", "Malware", malware[0], malware))
        if first := min((each.first_seen for each in iocs if each.first_seen), default=""):
            answers.append(self.answer("first", "First reported", first))
        return answers


def _is_of(ioc: str, address: str) -> bool:
    """`1.2.3.4:443`, `1.2.3.4` or `[2001:db8::1]:443`."""
    return ioc == address or ioc.rpartition(":")[0].strip("[]") == address
