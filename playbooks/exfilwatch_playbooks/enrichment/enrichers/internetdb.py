"""Shodan InternetDB: which ports of an address are open, and what is known of it.

Sent: the address, in the path; there is no key. Only addresses. Source: https://internetdb.shodan.io/docs (404: no
information). Terms: free for non-commercial use; others need an agreement with Shodan (https://internetdb.shodan.io).
"""

import msgspec

from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import NOTHING, SUSPICIOUS, UNKNOWN, KeylessOptions, Service, in_path

_BAD = frozenset({"c2", "malware", "compromised"})


class InternetDbOptions(KeylessOptions):
    """The address of the service."""

    url: Url = "https://internetdb.shodan.io"


class _Answer(msgspec.Struct, frozen=True):
    ports: list[int] = []
    hostnames: list[str] = []
    tags: list[str] = []
    vulns: list[str] = []
    cpes: list[str] = []


class InternetDb(Service):
    """internetdb.verdict, .ports, .names, .vulnerabilities"""

    name = "internetdb"
    title = "Shodan InternetDB"
    kinds = frozenset({Kind.ADDRESS})
    Settings = InternetDbOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        found = await self.ask("GET", f"/{in_path(given)}", _Answer)
        if found is None:
            return [self.verdict(UNKNOWN)]
        bad = SUSPICIOUS if _BAD & {tag.lower() for tag in found.tags} else NOTHING
        answers = [self.verdict(bad, said=found.tags, link=f"https://www.shodan.io/host/{in_path(given)}")]
        if found.ports:
            answers.append(self.answer("ports", "Open ports", ", ".join(map(str, sorted(found.ports)))))
        if found.hostnames:
            answers.append(self.answer("names", "Names", ", ".join(found.hostnames[:5]), found.hostnames))
        if found.vulns:
            answers.append(self.answer("vulnerabilities", "Vulnerabilities", len(found.vulns), found.vulns))
        return answers
