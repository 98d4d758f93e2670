"""IPv4 networks as texts, for engines that have an address as a text."""

import ipaddress

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_MOST = 16


def dotted(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> list[str]:
    """Of which one stands in each dotted address of the network (`172.16.`, `172.17.`, ...); empty: none is known.

    Where the next octet has too many values, only those before it count.
    """
    if network.version == 6:
        return []
    given = str(network.network_address).split(".")
    whole, rest = divmod(network.prefixlen, 8)
    head = "".join(f"{octet}." for octet in given[:whole]) if whole < 4 else ".".join(given)
    if rest and 1 << (8 - rest) <= _MOST:
        low = int(given[whole])
        end = "." if whole < 3 else ""
        return [f"{head}{octet}{end}" for octet in range(low, low + (1 << (8 - rest)))]
    return [head] if head else []


def octets(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """An expression for just the dotted addresses of the network, anchored at both ends; empty for IPv6."""
    if network.version == 6:
        return ""
    low, high = (str(address).split(".") for address in (network.network_address, network.broadcast_address))
    return r"\.".join(_between(int(first), int(last)) for first, last in zip(low, high, strict=True))


def _between(first: int, last: int) -> str:
    if (first, last) == (0, 255):
        return _OCTET
    return str(first) if first == last else f"({'|'.join(map(str, range(first, last + 1)))})"
