"""VirusTotal: how many of its scanners call an address, a domain or a file bad.

Sent: the indicator, in the path, and the key (`x-apikey`). Nothing is uploaded, and no file is asked to be scanned.
Sources: https://docs.virustotal.com/reference/ip-info, /domain-info, /file-info, /errors (429 QuotaExceededError).
Quota of the public API: 4 a minute, 500 a day (docs.virustotal.com/reference/public-vs-premium-api), which its terms
allow for no commercial product, service or workflow: those need a premium key (raise `per_minute` and `per_day`).
"""

from typing import Annotated

import msgspec
from pydantic import Field

from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import UNKNOWN, Service, ServiceOptions, graded, in_path

_PLACES = {Kind.ADDRESS: ("ip_addresses", "ip-address"), Kind.NAME: ("domains", "domain"), Kind.HASH: ("files", "file")}


class VirusTotalOptions(ServiceOptions):
    """`malicious`: from how many scanners on it counts as malicious; fewer are suspicious."""

    url: Url = "https://www.virustotal.com/api/v3"
    per_minute: Annotated[int, Field(ge=0)] = 4
    per_day: Annotated[int, Field(ge=0)] = 500
    malicious: Annotated[int, Field(ge=1)] = 3


class _Stats(msgspec.Struct, frozen=True):
    malicious: int = 0
    suspicious: int = 0
    harmless: int = 0
    undetected: int = 0


class _Attributes(msgspec.Struct, frozen=True):
    last_analysis_stats: _Stats = _Stats()
    reputation: int | None = None
    tags: list[str] = []
    meaningful_name: str = ""


class _Object(msgspec.Struct, frozen=True):
    attributes: _Attributes


class _Answer(msgspec.Struct, frozen=True):
    data: _Object


class VirusTotal(Service):
    """virustotal.verdict, .scanners, .reputation, .file"""

    name = "virustotal"
    title = "VirusTotal"
    kinds = frozenset(Kind)
    key_header = "x-apikey"
    Settings = VirusTotalOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        place, page = _PLACES[given.kind]
        found = await self.ask("GET", f"/{place}/{in_path(given)}", _Answer)
        link = f"https://www.virustotal.com/gui/{page}/{in_path(given)}"
        if found is None:
            return [self.verdict(UNKNOWN)]
        said = found.data.attributes
        bad = said.last_analysis_stats.malicious
        weak = said.last_analysis_stats.suspicious
        all_of_them = bad + weak + said.last_analysis_stats.harmless + said.last_analysis_stats.undetected
        assert isinstance(self.options, VirusTotalOptions)
        verdict = graded(bad + (1 if weak else 0), self.options.malicious, 1)
        answers = [
            self.verdict(verdict, bad, said.tags, link),
            self.answer("scanners", "Scanners that call it malicious", f"{bad} of {all_of_them}"),
        ]
        if said.reputation is not None:
            answers.append(self.answer("reputation", "Reputation by votes", said.reputation))
        if given.kind is Kind.HASH and said.meaningful_name:
            answers.append(self.answer("file", "Known as", said.meaningful_name))
        return answers
