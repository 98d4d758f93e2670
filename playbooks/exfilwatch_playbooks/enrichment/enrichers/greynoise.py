"""GreyNoise: whether an address scans the internet (noise), or is a service that everybody uses (RIOT).

Sent: the address, in the path, and the key (`key`). Only IPv4 addresses.
Source: https://docs.greynoise.io/reference/get_v3-community-ip (404: not observed, not a known service; 429).
Quota: the community API has a small one, by the week for free accounts (docs.greynoise.io/docs/using-the-greynoise-
community-api); a subscription's is larger. Terms: https://www.greynoise.io/terms.
"""

from typing import Annotated

import msgspec
from pydantic import Field

from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import (
    MALICIOUS,
    NOTHING,
    SUSPICIOUS,
    UNKNOWN,
    Service,
    ServiceOptions,
    in_path,
)

_VERDICTS = {"malicious": MALICIOUS, "suspicious": SUSPICIOUS, "benign": NOTHING}


class GreyNoiseOptions(ServiceOptions):
    """`per_day`: a few, as the community's quota is by the week."""

    url: Url = "https://api.greynoise.io/v3/community"
    per_day: Annotated[int, Field(ge=0)] = 7


class _Answer(msgspec.Struct, frozen=True):
    noise: bool = False
    riot: bool = False
    classification: str = ""
    name: str = ""
    last_seen: str = ""


class GreyNoise(Service):
    """greynoise.verdict, .noise, .service"""

    name = "greynoise"
    title = "GreyNoise"
    kinds = frozenset({Kind.ADDRESS})
    key_header = "key"
    Settings = GreyNoiseOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        if given.version != 4:
            return []
        found = await self.ask("GET", f"/{in_path(given)}", _Answer)
        if found is None:
            return [self.verdict(UNKNOWN)]
        link = f"https://viz.greynoise.io/ip/{in_path(given)}"
        answers = [self.verdict(_VERDICTS.get(found.classification, UNKNOWN), link=link)]
        if found.noise:
            answers.append(
                self.answer("noise", "Scans the internet", f"yes, last seen {found.last_seen or 'some time'}")
            )
        if found.riot:
            answers.append(self.answer("service", "Service that many use", found.name or "yes"))
        return answers
