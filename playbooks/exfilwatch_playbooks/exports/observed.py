"""What a finding's events show of addresses, names and URLs, as far as these are well-formed."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from exfilwatch.findings.finding import EvidenceEvent, Finding

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE
)
_URL = re.compile(
    r"\b(?:https?|ftps?|sftp)://(?:[\w.~:/?#@!$&()*+,;=-]|%[0-9a-f]{2}){1,2000}", re.ASCII | re.IGNORECASE
)
_READ = 65_536  # characters of a text that are searched


def text(event: EvidenceEvent, field: str) -> str:
    """The value of a field; empty where there is none."""
    value = event.fields.get(field)
    found = "" if value is None or isinstance(value, list | dict) else str(value)
    return "" if found == "-" else found


def number(event: EvidenceEvent, field: str, most: int = 2**31 - 1) -> int | None:
    """The value of a field as a number of at most `most`."""
    found = text(event, field).strip().lower()
    if not re.fullmatch(r"0x[0-9a-f]{1,16}|[0-9]{1,16}", found, re.ASCII):
        return None
    value = int(found, 16) if found.startswith("0x") else int(found)
    return value if value <= most else None


def address(found: str) -> IPv4Address | IPv6Address | None:
    """An address; None for what is none."""
    try:
        return ip_address(found.strip())
    except ValueError:
        return None


def addresses(finding: Finding) -> list[str]:
    """Where connections went, each once."""
    found = (address(text(event, "DestinationIp")) for event in finding.events)
    return list(dict.fromkeys(str(each) for each in found if each is not None))


def urls(finding: Finding) -> list[str]:
    """The URLs in command lines and scripts, each once."""
    return list(dict.fromkeys(_urls(finding)))


def _urls(finding: Finding) -> Iterator[str]:
    for event in finding.events:
        for field in ("CommandLine", "ScriptBlockText", "c-uri"):
            for found in _URL.findall(text(event, field)[:_READ]):
                before, mark, fragment = found.rstrip(";,.)").partition("#")
                whole = before + mark + fragment.partition("#")[0]
                try:
                    host = urlsplit(whole).hostname or ""
                except ValueError:
                    continue
                if is_name(host) or address(host):
                    yield whole


def names(finding: Finding) -> list[str]:
    """The names of hosts that data went to, each once."""
    told = [text(event, field) for event in finding.events for field in ("DestinationHostname", "cs-host", "r-dns")]
    hosts = [*told, *(urlsplit(url).hostname or "" for url in urls(finding))]
    return list(dict.fromkeys(each.lower() for each in hosts if is_name(each)))


def is_name(found: str) -> bool:
    """Whether it is a name of the domain name system."""
    return _NAME.fullmatch(found) is not None and address(found) is None
