"""What kind of place a destination is, by its address or name alone; nothing and nobody is asked.

Classes by name: exfilwatch.commands.destinations.yml; providers whose machines anybody may rent: providers.yml. The
registered domain by the list of public suffixes (https://publicsuffix.org) that comes with tldextract. Special
addresses: the registries of IANA (iana-ipv4-special-registry, iana-ipv6-special-registry), RFC 5737, 3849 and 6598.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from functools import cache

from exfilwatch.commands.destinations import kind_of
from exfilwatch.packaged import packaged
from exfilwatch_playbooks.enrichment.enricher import OfIndicator
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind, domain, is_own
from exfilwatch_playbooks.enrichment.model import Answer

_DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
_WORDS = {"shared": "CGNAT", "dynamic dns": "dynamic DNS", "public": "no known service"}
_RESERVED_ENDS = (".test", ".example", ".invalid", ".example.com", ".example.net", ".example.org")


class Place(OfIndicator):
    """place.class, place.provider, place.domain, place.name"""

    name = "place"
    title = "Class of the destination"
    by_default = True
    kinds = frozenset({Kind.ADDRESS, Kind.NAME})

    @property
    def asks(self) -> str:
        return "itself"

    async def look_up(self, given: Indicator) -> Sequence[Answer]:
        return list(answers(given, self.means.own))


def answers(given: Indicator, own: Sequence[str] = ()) -> Iterator[Answer]:
    """What is known of an address or a name by itself. `own`: domains and networks of the organisation."""
    yield Answer(key="place.class", label="Class", value=class_of(given, own))
    if given.kind is Kind.ADDRESS:
        return
    found = domain(given.value)
    if provider := _provider(given.value):
        yield Answer(key="place.provider", label="Machines of", value=provider)
    if not found.registered:
        yield Answer(key="place.domain", label="Registered domain", value="none: no public suffix, an internal name")
    elif found.registered != given.value:
        yield Answer(key="place.domain", label="Registered domain", value=found.registered)
    if (readable := _readable(given.value)) != given.value:
        yield Answer(key="place.name", label="International name", value=f"{given.value} reads {readable}")


def class_of(given: Indicator, own: Sequence[str] = ()) -> str:
    """own, private, loopback, link-local, CGNAT, multicast, documentation, cloud provider, cloud storage, file sharing,
    paste, messaging, tunnel, dynamic DNS, sign-in, internal, or no known service."""
    if is_own(given.value, own):
        return "own"
    kind = kind_of(given.value)
    if kind == "public" and _is_example(given):
        return "documentation"
    if kind == "public" and given.kind is Kind.NAME:
        return "cloud provider" if _provider(given.value) else _WORDS[kind]
    return _WORDS.get(kind, kind)


def _is_example(given: Indicator) -> bool:
    if given.kind is Kind.NAME:
        return f".{given.value}".endswith(_RESERVED_ENDS)
    return any(ipaddress.ip_address(given.value) in ipaddress.ip_network(each) for each in _DOCUMENTATION)


def _readable(name: str) -> str:
    """The letters of an international name (RFC 3492); what is none stays what it is."""
    try:
        return name.encode("ascii").decode("idna")
    except (UnicodeError, ValueError):
        return name


def _provider(name: str) -> str:
    labels = name.split(".")
    known = _providers()
    return next((known[end] for at in range(len(labels)) if (end := ".".join(labels[at:])) in known), "")


@cache
def _providers() -> dict[str, str]:
    content: dict[str, list[str]] = packaged("exfilwatch_playbooks.enrichment", "providers.yml")
    return {end: provider for provider, ends in content.items() for end in ends}
