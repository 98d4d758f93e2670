"""Hosts and URLs in the one form that the tools make of their many spellings.

Sources: inet_aton(3); RFC 4291 (IPv6 addresses), RFC 6874 (zones), RFC 3986 (URLs), RFC 3490 (international names);
curl's and WHATWG's leniency with slashes.
"""

import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import unquote

_ATON: Final = re.compile(r"(?:0[xX][0-9a-fA-F]{0,12}|\d{1,14})(?:\.(?:0[xX][0-9a-fA-F]{0,12}|\d{1,14})){0,3}")
_LITERAL: Final = re.compile(r"([0-9a-f-]{2,60}?)(?:s[\w]+)?\.ipv6-literal\.net")
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):(/{1,3}|\\{2})([^/?#\\]*)([^\0]*)", re.DOTALL)
_BARE: Final = re.compile(
    r"((?:[^/?#\\\s@]{0,256}@)?(?:\[[^\]\s]{2,64}\]|[^/?#\\\s@:\[\]]{1,255})(?::\d{1,5})?)([/?#][^\0]*)?", re.DOTALL
)
_LENIENT: Final = frozenset({"http", "https", "ftp", "ftps", "ws", "wss"})
_ZONE: Final = re.compile(r"%(?:25)?[A-Za-z]")
_AROUND: Final = " \t\r\n[]"
_CONTROL: Final = re.compile(r"[\t\r\n]")
_LONGEST_NAME: Final = 253


class Url(NamedTuple):
    """The parts of a URL; `path` with its query and fragment, `port` None where none is written."""

    scheme: str
    user: str
    host: str
    port: int | None
    path: str


def host(text: str) -> str:
    """The normal form of a host: dotted IPv4, shortest IPv6, or a name in lower case and its ASCII form.

    What is none of these is given back in lower case. An IPv6 address that stands for an IPv4 one becomes that one.
    """
    text = text.strip(_AROUND)
    if "%" in text and not (":" in text and _ZONE.search(text)):
        decoded = unquote(text)
        text = decoded if "%" not in decoded else text
    text = text.strip(_AROUND)
    if ":" in text:
        return _six(text)
    text = (text if text.isascii() else _ascii(text)).lower().strip(_AROUND).rstrip(_AROUND + ".")
    if text[:1].isdigit() and _ATON.fullmatch(text):
        return _four(text) or text
    if text.endswith(".ipv6-literal.net") and (literal := _LITERAL.fullmatch(text)) is not None:
        return _six(literal[1].replace("-", ":"))
    return text


def _six(text: str) -> str:
    bare = re.split(r"%", text, maxsplit=1)[0]
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return text.lower()
    four = address.ipv4_mapped
    if four is None and address.packed[:12] == bytes(12) and int(address) > 0xFFFF:
        four = ipaddress.IPv4Address(int(address))
    return str(four or address)


def _four(text: str) -> str | None:
    """By inet_aton's rules: each part decimal, octal or hexadecimal; the last one fills what is left of 32 bits."""
    numbers = []
    for part in text.split("."):
        try:
            if part[:2] in {"0x", "0X"}:
                numbers.append(int(part[2:] or "0", 16))
            else:
                numbers.append(int(part, 8 if len(part) > 1 and part[0] == "0" else 10))
        except ValueError:
            return None
    *leading, last = numbers
    if any(number > 0xFF for number in leading) or last >= 1 << (8 * (4 - len(leading))):
        return None
    value = last
    for place, number in enumerate(leading):
        value |= number << (8 * (3 - place))
    return str(ipaddress.IPv4Address(value))


def _ascii(name: str) -> str:
    """The name as DNS is asked for it (`xn--...`)."""
    name = re.sub("[\u3002\uff0e\uff61]", ".", name).rstrip(".")
    if len(name) > _LONGEST_NAME:
        return name
    try:
        return name.encode("idna").decode("ascii").lower()
    except (UnicodeError, ValueError):
        return name


def url(text: str, *, bare: bool = False) -> Url | None:
    """The parts of a URL, or None where the text is none; with `bare` also of `host/path` without a scheme."""
    text = _CONTROL.sub("", text.strip().strip("'\"<>"))
    found = _URL.match(text)
    if found is not None:
        scheme, slashes, authority, path = found.groups()
        scheme = scheme.lower()
        if slashes != "//" and scheme not in _LENIENT:
            # file:///etc has no host; c:/x and c:\\x are no URLs.
            if slashes != "///" or len(scheme) < 2:
                return None
            return Url(scheme, "", "", None, "/" + authority + path)
        if len(scheme) < 2:
            return None
    elif bare and (plain := _BARE.fullmatch(text)) is not None:
        scheme, authority, path = "", plain[1], plain[2] or ""
    else:
        return None
    user, _, place = authority.rpartition("@")
    name, port = _placed(place)
    name = host(name)
    if not name and scheme != "file":
        return None
    return Url(
        scheme,
        unquote(user.split(":", 1)[0]),
        host(name),
        port,
        path.replace("\\", "/") if scheme in _LENIENT else path,
    )


def _placed(place: str) -> tuple[str, int | None]:
    """Host and port of `host:port`."""
    if place.startswith("["):
        name, _, rest = place[1:].partition("]")
        digits = rest.removeprefix(":")
    elif place.count(":") > 1:
        name, digits = place, ""
    else:
        name, _, digits = place.partition(":")
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else None
    return name, port if port is not None and port <= 0xFFFF else None
