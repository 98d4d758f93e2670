"""AbuseIPDB: how often an address was reported, and how sure that is.

Sent: the address, as a parameter, and the key (`Key`). Only addresses. Nothing is reported.
Source: https://docs.abuseipdb.com/#check-endpoint (abuseConfidenceScore is 0 to 100; 429 with Retry-After).
Quota of a free key: 1,000 checks a day. Terms: https://www.abuseipdb.com/legal.
"""

from typing import Annotated

import msgspec
from pydantic import Field

from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import NOTHING, UNKNOWN, Service, ServiceOptions, graded, in_path


class AbuseIpdbOptions(ServiceOptions):
    """`days`: how old reports may be. `malicious`, `suspicious`: from which score on (0 to 100) it counts as that."""

    url: Url = "https://api.abuseipdb.com/api/v2"
    per_day: Annotated[int, Field(ge=0)] = 1_000
    days: Annotated[int, Field(ge=1, le=365)] = 90
    malicious: Annotated[int, Field(ge=1, le=100)] = 75
    suspicious: Annotated[int, Field(ge=1, le=100)] = 25


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    abuse_confidence_score: int
    total_reports: int = 0
    num_distinct_users: int = 0
    last_reported_at: str | None = None
    usage_type: str | None = None
    isp: str | None = None
    domain: str | None = None
    country_code: str | None = None
    is_tor: bool = False
    is_whitelisted: bool | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: _Data


class AbuseIpdb(Service):
    """abuseipdb.verdict, .reports, .usage, .isp, .tor"""

    name = "abuseipdb"
    title = "AbuseIPDB"
    kinds = frozenset({Kind.ADDRESS})
    key_header = "Key"
    Settings = AbuseIpdbOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        assert isinstance(self.options, AbuseIpdbOptions)
        asked = {"ipAddress": given.value, "maxAgeInDays": str(self.options.days)}
        found = await self.ask("GET", "/check", _Answer, params=asked)
        if found is None:
            return [self.verdict(UNKNOWN)]
        said = found.data
        score = said.abuse_confidence_score
        verdict = graded(score, self.options.malicious, self.options.suspicious)
        link = f"https://www.abuseipdb.com/check/{in_path(given)}"
        answers = [self.verdict(NOTHING if said.is_whitelisted else verdict, score, link=link)]
        if said.total_reports:
            last = f", last {said.last_reported_at}" if said.last_reported_at else ""
            told = f"{said.total_reports:,} by {said.num_distinct_users:,} users in {self.options.days} days{last}"
            answers.append(self.answer("reports", "Reports", told))
        if said.usage_type:
            answers.append(self.answer("usage", "Used as", said.usage_type))
        if said.isp:
            answers.append(self.answer("isp", "Provider", f"{said.isp} ({said.domain or said.country_code or '?'})"))
        if said.is_tor:
            answers.append(self.answer("tor", "Tor", "an exit of the Tor network"))
        return answers
