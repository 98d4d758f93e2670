"""What rules can ask of a record of traffic beside the record's own fields (docs/rules.md).

network.*   where it goes and what kind of place that is, how much went out and came in, what was sent and by what
dns.*       of a name that was looked up: the domain that somebody registered, how much is below it, what place it is
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TypeAlias
from urllib.parse import parse_qsl

from exfilwatch.commands.destinations import NEAR, destination
from exfilwatch.events.event import Value
from exfilwatch.events.mapping import to_int
from exfilwatch.network.content import agent, file_name, kind

Get: TypeAlias = Callable[[str], Value]

_NAMES = ("cs-host", "DestinationHostname", "r-dns")
_ADDRESSES = ("DestinationIp", "dst_ip")
_SOURCES = ("SourceIp", "src_ip")
_TYPES = ("cs-content-type", "mime_type")
_FILES = ("cs-filename", "filename")
_PUTS = ("PUT",)
_STORES = ("STOR", "STOU", "APPE")
"""Commands of FTP that send a file."""
_PROXIES = (3128, 8080, 8081, 8118, 8888, 9090, 9128)
"""Ports of HTTP proxies: the address of such a connection is not where the request goes."""
_SAYING = ("filename", "file_name", "name")
_LARGEST = 1 << 60
_SECOND_LEVEL = frozenset(
    "ac co com edu go gob gouv gov gv k12 ltd mil ne net nhs nom or org plc police sch web".split()  # noqa: SIM905
)
_UNSAID = re.compile(r"^(?:-|\(empty\))?$")


def field(name: str, get: Get) -> Value:
    """One field of a record."""
    return _FIELDS[name](get)


def _texts(get: Get, names: tuple[str, ...]) -> Iterator[str]:
    """What these fields say, of lists each element."""
    for name in names:
        value = get(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and not _UNSAID.match(each):
                yield each


def _name(get: Get) -> str:
    if name := next(_texts(get, _NAMES), ""):
        return name
    uri = next(_texts(get, ("c-uri",)), "")
    return uri if "://" in uri[:12] or _method(get) == "CONNECT" else ""


def _method(get: Get) -> str:
    return next(_texts(get, ("cs-method",)), "").upper()


def _destination(get: Get) -> Value:
    name = _name(get) or next(_texts(get, _ADDRESSES), "")
    return destination(name[:2_000]).host or None


def _place(get: Get) -> Value:
    """The destination, of addresses the network around: who has one name or one service may have many of them."""
    host = _destination(get)
    try:
        address = ip_address(str(host or ""))
    except ValueError:
        return host
    return str(ip_network((address, 16 if address.version == 4 else 32), strict=False))


def _destination_class(get: Get) -> Value:
    name, address = _name(get)[:2_000], next(_texts(get, _ADDRESSES), "")
    if not name:
        return destination(address).kind if address else None
    named, placed = destination(name), destination(address).kind if address else "unknown"
    if named.kind == "unknown":
        return placed if placed != "unknown" else "internal" if named.host and "." not in named.host else "unknown"
    if named.kind == "public" and placed in NEAR and not _by_proxy(get):
        return placed
    if named.kind in NEAR and placed not in (*NEAR, "unknown"):
        return placed  # who sends a request chooses the name in it
    return named.kind


def _by_proxy(get: Get) -> bool:
    """Whether the record is of a connection to an HTTP proxy, whose address is not that of the destination."""
    uri = next(_texts(get, ("c-uri",)), "")
    return (_method(get) == "CONNECT" or "://" in uri[:12]) and to_int(get("DestinationPort")) in _PROXIES


def _direction(get: Get) -> Value:
    to = _destination_class(get)
    if to == "multicast" or next(_texts(get, _ADDRESSES), "") == "255.255.255.255":
        return "multicast"
    if to in (None, "unknown"):
        return None
    source = next(_texts(get, _SOURCES), "")
    outside = bool(source) and destination(source).kind not in (*NEAR, "unknown", "multicast")
    if str(get("Initiated")).lower() == "false" or (to in NEAR and outside):
        return "inbound"
    return "internal" if to in NEAR else "outbound"


def _count(value: Value) -> int | None:
    found = to_int(value)
    return found if found is not None and 0 <= found < _LARGEST else None


def _bytes_out(get: Get) -> int | None:
    """Zeek counts orig_bytes by sequence numbers, which a connection that broke makes far too many."""
    sent = _count(get("source.bytes"))
    if sent is None:
        return _count(get("cs-bytes"))
    carried = _count(get("orig_ip_bytes"))
    return sent if carried is None else min(sent, carried + (_count(get("missed_bytes")) or 0))


def _bytes_in(get: Get) -> int | None:
    received = _count(get("destination.bytes"))
    return _count(get("sc-bytes")) if received is None else received


def _out_to_in(get: Get) -> Value:
    sent, received = _bytes_out(get), _bytes_in(get)
    return None if sent is None or received is None else round(sent / max(received, 1), 1)


def _magnitude(get: Get) -> Value:
    """The power of ten that what is sent reaches: 100,000,000 of 100 to 999 MB."""
    sent = _bytes_out(get)
    return 10 ** (len(str(sent)) - 1) if sent else None


def _packet_size(get: Get) -> Value:
    sent, packets = _bytes_out(get), _count(get("source.packets"))
    return round(sent / packets, 1) if sent is not None and packets else None


def _names_of(get: Get) -> Iterator[str]:
    """The names of the files that are sent: as the body, the URL or the command says them."""
    for each in _texts(get, _FILES):
        yield file_name(each)
    uri = next(_texts(get, ("c-uri",)), "")[:8_000]
    if _method(get) in _PUTS:
        yield file_name(uri)
    for name, value in parse_qsl(uri.partition("?")[2], max_num_fields=50) if uri.count("&") < 50 else ():
        if name.lower() in _SAYING:
            yield file_name(value)
    if next(_texts(get, ("command",)), "").upper() in _STORES:
        yield from map(file_name, _texts(get, ("arg",)))


def _content(get: Get) -> Value:
    return kind(_names_of(get), _texts(get, _TYPES)) or None


def _file(get: Get) -> Value:
    return next(filter(None, _names_of(get)), None)


def _client(get: Get) -> Value:
    text = next(_texts(get, ("c-useragent",)), "")
    return agent(text) if text else None


def _looked_up(get: Get) -> str:
    return next(_texts(get, ("QueryName", "query")), "")


def _domain(get: Get) -> Value:
    return _parts(_looked_up(get))[0] or None


def _length(get: Get) -> Value:
    name = _looked_up(get)
    return _parts(name)[1] if name else None


def _class_of_name(get: Get) -> Value:
    name = _looked_up(get)
    return destination(name[:2_000]).kind if name else None


@lru_cache(4_096)
def _parts(name: str) -> tuple[str, int]:
    """The domain that is registered, and the characters of the labels below it.

    These are the last two labels, or three where the last is a country's and the one before it stands for all of a
    kind (co.uk, com.au). The list of public suffixes is longer; what it has more makes domains here that are too short.
    """
    labels = name.strip(".").lower().split(".")
    own = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-own:]), sum(map(len, labels[:-own]))


_FIELDS: Mapping[str, Callable[[Get], Value]] = {
    "network.destination": _destination,
    "network.destination_class": _destination_class,
    "network.place": _place,
    "network.direction": _direction,
    "network.bytes_out": _bytes_out,
    "network.bytes_in": _bytes_in,
    "network.out_to_in": _out_to_in,
    "network.packet_size": _packet_size,
    "network.magnitude": _magnitude,
    "network.content": _content,
    "network.file": _file,
    "network.client": _client,
    "dns.domain": _domain,
    "dns.length": _length,
    "dns.destination_class": _class_of_name,
}
FIELDS = tuple(_FIELDS)
