"""LevelBlue (AlienVault) OTX: in which pulses, which are reports that anybody writes, an indicator stands.

Sent: the indicator, in the path, and the key (`X-OTX-API-KEY`).
Source: https://otx.alienvault.com/api (indicators/{IPv4,IPv6,domain,hostname,file}/{value}/general; pulse_info.count,
validation). Quota: 10,000 requests an hour with a key. Terms: https://otx.alienvault.com (free, with an account).
"""

from typing import Annotated

import msgspec
from pydantic import Field

from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind, domain
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import NOTHING, SUSPICIOUS, UNKNOWN, Service, ServiceOptions, in_path


class OtxOptions(ServiceOptions):
    """The address of the service."""

    url: Url = "https://otx.alienvault.com/api/v1"
    per_minute: Annotated[int, Field(ge=0)] = 100


class _Pulse(msgspec.Struct, frozen=True):
    name: str = ""


class _Pulses(msgspec.Struct, frozen=True):
    count: int = 0
    pulses: list[_Pulse] = []


class _Validation(msgspec.Struct, frozen=True):
    source: str = ""
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    pulse_info: _Pulses = _Pulses()
    validation: list[_Validation] = []


class Otx(Service):
    """otx.verdict, .pulses, .allowed; anybody may write a pulse, so it never says malicious"""

    name = "otx"
    title = "AlienVault OTX"
    kinds = frozenset(Kind)
    key_header = "X-OTX-API-KEY"
    Settings = OtxOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        section = _section(given)
        found = await self.ask("GET", f"/indicators/{section}/{in_path(given)}/general", _Answer)
        if found is None:
            return [self.verdict(UNKNOWN)]
        count, allowed = found.pulse_info.count, [each.message or each.source for each in found.validation]
        link = f"https://otx.alienvault.com/indicator/{section.lower()}/{in_path(given)}"
        answers = [self.verdict(SUSPICIOUS if count and not allowed else NOTHING, count, link=link)]
        if count:
            names = [pulse.name for pulse in found.pulse_info.pulses]
            answers.append(self.answer("pulses", "Pulses that name it", count, names))
        if allowed:
            answers.append(self.answer("allowed", "Known as harmless", allowed[0], allowed))
        return answers


def _section(given: Indicator) -> str:
    match given.kind:
        case Kind.ADDRESS:
            return f"IPv{given.version}"
        case Kind.HASH:
            return "file"
    return "domain" if domain(given.value).registered == given.value else "hostname"
