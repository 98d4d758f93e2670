"""Writes small databases in the format of https://maxmind.github.io/MaxMind-DB/ (IPv6 tree, records of 24 bits)."""

import ipaddress
import struct
from collections.abc import Mapping
from typing import Any

_SEPARATOR = bytes(16)
_MARK = b"\xab\xcd\xefMaxMind.com"


def database(
    networks: Mapping[str, Mapping[str, Any]], kind: str = "Test-Country", built: int = 1_700_000_000
) -> bytes:
    """A file in which each network has its record."""
    data, offsets = b"", {}
    for network, record in networks.items():
        offsets[network] = len(data)
        data += _encoded(record)
    nodes: list[list[int | str | None]] = [[None, None]]
    for network in networks:
        _put(nodes, network)
    tree = b""
    for node in nodes:
        for way in node:
            value = len(nodes) if way is None else len(nodes) + 16 + offsets[way] if isinstance(way, str) else way
            tree += struct.pack(">I", value)[1:]
    metadata = {
        "node_count": (6, len(nodes)), "record_size": (5, 24), "ip_version": (5, 6), "database_type": kind,
        "languages": ["en"], "binary_format_major_version": (5, 2), "binary_format_minor_version": (5, 0),
        "build_epoch": (9, built), "description": {"en": "for tests"},
    }  # fmt: skip
    return tree + _SEPARATOR + data + _MARK + _encoded(metadata)


def _put(nodes: list[list[int | str | None]], network: str) -> None:
    found = ipaddress.ip_network(network)
    length = found.prefixlen + (96 if found.version == 4 else 0)
    bits = f"{int(found.network_address):0128b}"[:length]
    at = 0
    for bit in bits[:-1]:
        way = nodes[at][int(bit)]
        if not isinstance(way, int):
            nodes.append([None, None])
            way = nodes[at][int(bit)] = len(nodes) - 1
        at = way
    nodes[at][int(bits[-1])] = network


def _encoded(value: Any) -> bytes:
    match value:
        case str():
            raw = value.encode()
            return _control(2, len(raw)) + raw
        case int():
            return _encoded((6, value))
        case tuple():
            kind, number = value
            raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
            return _control(kind, len(raw)) + raw
        case list():
            return _control(11, len(value)) + b"".join(map(_encoded, value))
    return _control(7, len(value)) + b"".join(_encoded(key) + _encoded(each) for key, each in value.items())


def _control(kind: int, size: int) -> bytes:
    assert size < 285
    low = min(29, size)
    extended = bytes([kind - 7]) if kind > 7 else b""
    return bytes([((0 if kind > 7 else kind) << 5) | low]) + extended + (bytes([size - 29]) if size >= 29 else b"")
