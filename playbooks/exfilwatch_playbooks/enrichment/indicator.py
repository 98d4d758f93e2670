"""What may be asked of others: an address, a name or a hash; and what of it may leave the organisation.

Outsiders get public addresses, registered names and hashes, never what only the organisation knows. A name may carry
what was stolen, or say whom it was stolen from (`ws1-anna.evil.test`): labels below the registered domain that hold
the name of a host or user, or are longer than names are, are left off.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from exfilwatch.commands.destinations import kind_of

if TYPE_CHECKING:
    from tldextract import TLDExtract

_NEAR = frozenset({"loopback", "private", "link-local", "shared", "internal", "multicast", "unknown"})
HERE = frozenset({"loopback", "link-local", "multicast"})
"""Kinds of destination that are another place on each host: what others do there says nothing."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LONGEST_LABEL = 24
_SHORTEST_WORD = 3
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}


class Kind(StrEnum):
    """What an indicator is."""

    ADDRESS = "address"
    NAME = "name"
    HASH = "hash"


class Indicator(NamedTuple):
    """`value` in its normal form: an address, a name in lower case, or the hexadecimal digits of a hash."""

    kind: Kind
    value: str

    @property
    def algorithm(self) -> str:
        """Of a hash: md5, sha1 or sha256."""
        return _HASHES.get(len(self.value), "")

    @property
    def version(self) -> int:
        """Of an address: 4 or 6."""
        return ipaddress.ip_address(self.value).version


class Domain(NamedTuple):
    """A name's parts by the list of public suffixes: `registered` is what somebody registered ("" for none),
    `suffix` what it was registered below; `service`: the suffix is a company's, which lets others have names there.
    """

    registered: str
    suffix: str
    service: bool = False


@lru_cache(1)
def _suffixes() -> "TLDExtract":
    from tldextract import TLDExtract

    # The list that comes with the package: nothing is fetched, and nothing kept.
    return TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True, include_psl_private_domains=True)


@lru_cache(4_096)
def domain(name: str) -> Domain:
    """The registered domain of a name."""
    found = _suffixes()(name)
    return Domain(found.top_domain_under_public_suffix, found.suffix, found.is_private)


def indicator(host: str) -> Indicator | None:
    """The indicator that a host in its normal form is; None for what is neither an address nor a name."""
    try:
        return Indicator(Kind.ADDRESS, str(ipaddress.ip_address(host.partition("%")[0])))
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return Indicator(Kind.NAME, host)


def hashed(digits: str) -> Indicator | None:
    """The indicator that a hash is; None for what is none, or of no bytes at all."""
    digits = digits.strip().lower()
    fits = len(digits) in _HASHES and re.fullmatch(r"[0-9a-f]+", digits, re.ASCII) and digits.strip("0")
    return Indicator(Kind.HASH, digits) if fits else None


def outward(given: Indicator, own: Iterable[str] = (), private: Iterable[str] = ()) -> Indicator | None:
    """What of an indicator outsiders may be asked about; None: nothing.

    `own`: domains and networks of the organisation; `private`: names of hosts and users.
    """
    if given.kind is Kind.HASH:
        return given
    if is_own(given.value, own):
        return None
    if given.kind is Kind.ADDRESS:
        return given if all(each.is_global and not each.is_multicast for each in _within(given.value)) else None
    return _name(given.value, own, frozenset(_words(private)))


def _within(text: str) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address that counts, and the IPv4 address that stands in it: NAT64 (RFC 6052), 6to4 (RFC 3056)."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    yield address.ipv4_mapped or address
    if address in _NAT64:
        yield ipaddress.IPv4Address(address.packed[-4:])
    if address.sixtofour:
        yield address.sixtofour


def _name(name: str, own: Iterable[str], words: frozenset[str]) -> Indicator | None:
    found = domain(name)
    if not found.registered or kind_of(name) in _NEAR or name in words or is_own(found.registered, own):
        return None
    below = name.removesuffix(found.registered).rstrip(".")
    labels = below.split(".") if below else []
    kept: list[str] = []
    for label in reversed(labels):
        if len(label) > _LONGEST_LABEL or any(word in label for word in words):
            break
        kept.insert(0, label)
    if any(word in found.registered.partition(".")[0] for word in words if len(word) > _SHORTEST_WORD):
        return None
    return Indicator(Kind.NAME, ".".join([*kept, found.registered]))


def is_own(host: str, own: Iterable[str]) -> bool:
    """Whether a host is one of the organisation's: below one of its domains, or in one of its networks."""
    for each in own:
        place = each.strip().lower().lstrip("*").strip(".")
        if place and (host == place or host.endswith(f".{place}")):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(each.strip(), strict=False):
                return True
        except (ValueError, TypeError):
            continue
    return False


def _words(private: Iterable[str]) -> Iterable[str]:
    """Names of hosts and users as they may stand in a label: WS1.corp.test and CORP\\anna: ws1, anna."""
    for name in private:
        bare = re.split(r"[\\/]", name.lower())[-1].partition("@")[0].partition(".")[0]
        for word in (bare, name.lower(), re.sub(r"[^a-z0-9]", "", bare)):
            if len(word) >= _SHORTEST_WORD:
                yield word
