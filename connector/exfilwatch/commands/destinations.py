"""Where a transfer goes: the host that a tool's argument names, and what kind of place it is (destinations.yml)."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.commands import addresses, site
from exfilwatch.commands.paths import path
from exfilwatch.errors import ConfigError
from exfilwatch.packaged import packaged

NEAR = ("loopback", "private", "link-local", "shared", "internal", "sign-in")
"""Classes of places that are not on the internet, or where nothing but a token is had."""
_REMOTE = re.compile(r"^(?:[^@/\\\s]*@)?(?P<host>\[[^\]]+\]|[^/:\\@\s]{2,}):")
_PORT = re.compile(r":\d{0,5}(?:/|$)")
_WEB = frozenset(["http", "https"])
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_FILE = "destinations.yml"
_ENDING = re.compile(r"[\w*?-]*(?:\.[\w*?-]+)+")
_BUCKETS = {
    "s3": "cloud storage", "gs": "cloud storage", "az": "cloud storage", "abfs": "cloud storage", "b2": "cloud storage",
    "azure": "cloud storage", "rclone": "cloud storage", "swift": "cloud storage", "oss": "cloud storage",
}  # fmt: skip
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAMES = {"tsclient": "unknown", "wsl$": "loopback", "wsl.localhost": "loopback"}
"""Hosts that no network has: the one whose desktop is used from afar, with its drives, and Windows' own Linux."""
_EXAMPLES = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)


class Destination(NamedTuple):
    """`host`: its normal form, "" when the text names none; `kind`: its class, `unknown` when that can't be told."""

    host: str
    kind: str

    @property
    def outside(self) -> bool:
        """Whether it is known to be on the internet."""
        return self.kind not in ("unknown", *NEAR)


@lru_cache(4_096)
def destination(text: str) -> Destination:
    """The host that a URL, `user@host:path`, a share or a plain host names, and its class."""
    text = text.strip().strip("'\"")
    if _PORT.match(text):  # a port of this host, as httpie and its kin have it
        return Destination("localhost", "loopback")
    scheme = text.partition("://")[0].lower()
    if scheme in _BUCKETS and scheme != text.lower():
        return Destination(text[:200], _BUCKETS[scheme])
    slashed = text.startswith("//")
    shared = path(text, windows=slashed or None).host if slashed or "\\" in text[:2] or text.startswith("file:") else ""
    host = addresses.host(shared or _host(text))
    kind = _NAMES.get(host) or kind_of(host)
    if kind == "unknown" and host not in _NAMES and (shared or scheme in _WEB) and _NAME.fullmatch(host):
        kind = "internal"  # no top-level domain serves shares or pages: only the own network's names have no dots
    return Destination(host, kind)


def is_label(host: str) -> bool:
    """Whether a host is named without a domain: in the own network, or by an alias that a tool's configuration has."""
    return bool(_NAME.fullmatch(host))


def _host(text: str) -> str:
    if "://" in text and (url := addresses.url(text)):
        return url.host
    if found := _REMOTE.match(text):
        return found["host"]
    bare = text.rpartition("@")[2]
    return re.split(r"[/\\\s?#]", bare, maxsplit=1)[0].partition(":")[0] if bare.count(":") < 2 else bare


def kind_of(host: str) -> str:
    """The class of a host in its normal form."""
    if not host or any(mark in host for mark in "$%`{("):
        return "unknown"
    try:
        return _kind_of_address(ipaddress.ip_address(host.partition("%")[0].strip("[]")))
    except ValueError:
        pass
    if host == "localhost" or host.endswith(".localhost"):
        return "loopback"
    labels = host.split(".")
    if len(labels) == 1:
        return "unknown"
    ends, longest, patterns = _classes()
    for at in range(max(len(labels) - longest, 0), len(labels)):
        if found := ends.get(".".join(labels[at:])):
            return found
    return next((kind for pattern, kind in patterns if fnmatchcase(host, pattern)), "public")


def _kind_of_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in _own().networks):
        return "internal"
    if address.is_loopback or address.is_unspecified:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address.version == 4 and address in _SHARED:
        return "shared"
    if address.is_private and not address.is_reserved and not _is_example(address):
        return "private"
    return "public"


def _is_example(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Addresses of documentation: `is_private` says yes, but who writes one means an address on the internet."""
    return any(address in each for each in _EXAMPLES)


@lru_cache(1)
def _classes() -> tuple[Mapping[str, str], int, Sequence[tuple[str, str]]]:
    """Kinds by the ends of names, the labels of the longest of those, and kinds by patterns; the site's own count."""
    found = [*_own().names, *_packaged()]
    ends = {name: kind for name, kind in reversed(found) if "*" not in name}
    return ends, max(name.count(".") + 1 for name in ends), [each for each in found if "*" in each[0]]


@lru_cache(1)
def _packaged() -> Sequence[tuple[str, str]]:
    classes = packaged("exfilwatch.commands", _FILE)
    return [(name, kind) for kind, names in classes.items() for name in names]


class _Own(NamedTuple):
    """What a site says: kinds of names, and the networks that are its own though their addresses are public."""

    names: Sequence[tuple[str, str]]
    networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


@lru_cache(1)
def _own() -> _Own:
    names, networks = [], []
    for kind, texts in site.table(_FILE, kinds()).items():
        for text in texts:
            network = _network(text)
            if network is None and not _ENDING.fullmatch(text):
                raise ConfigError(f"{site.place(_FILE)}: {kind}: {text!r} is neither a name nor a network")
            if network and kind != "internal":
                raise ConfigError(f"{site.place(_FILE)}: {kind}: {text}: a network can only be internal")
            if network:
                networks.append(network)
            else:
                names.append((text.lower().removeprefix("."), kind))
    return _Own(names, networks)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def kinds() -> Sequence[str]:
    """The kinds that names may have."""
    return list(dict.fromkeys(["public", "internal", *(kind for _, kind in _packaged())]))


def check() -> None:
    """Raises ConfigError when what a site says of places is unsound."""
    _own()
