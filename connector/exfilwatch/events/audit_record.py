"""One line of the Linux audit log, taken apart: its type, its event's id, its fields with hex-encoded texts decoded.

    [node=HOST] type=SYSCALL msg=audit(1604994496.155:92733): arch=c000003e syscall=59 ... comm="arp" key=(null)

The kernel, where no auditd runs, writes `audit: type=1300 audit(1604994496.155:92733): ...` to the system's log.

In the ENRICHED format, names for the numbers follow after a byte 0x1d (`\\x1dARCH=x86_64 SYSCALL=execve UID="root"`),
which syslog daemons write as `#035`. A text is quoted, or in hexadecimal when it holds a quote, a space or a control
character. Source: audit-userspace, docs/audit-records (github.com/linux-audit/audit-documentation) and auditd.conf(5).
"""

import ipaddress
import re
from collections.abc import Mapping

import msgspec

# Fields that the kernel writes as text ("untrusted strings"), so that unquoted hexadecimal is an encoded text.
_TEXTS = frozenset(
    [
        "exe",
        "comm",
        "cwd",
        "name",
        "proctitle",
        "key",
        "cmd",
        "acct",
        "data",
        "ocomm",
        "dir",
        "path",
        "file",
        "new",
        "old",
    ]
)
_ARGUMENT = re.compile(r"a(\d{1,7})(?:\[(\d{1,7})\])?\Z", re.ASCII)
_START = re.compile(
    r"(?:node=(?P<node>\S{1,255}) )?type=(?P<type>[A-Z][A-Z0-9_]{0,63}|UNKNOWN\[\d+\]|\d{4}) "
    r"(?:msg=)?audit\((?P<time>\d{1,12}(?:\.\d{1,9})?):(?P<serial>\d{1,20})\): ?",
    re.ASCII,
)
_FIELD = re.compile(r"""([A-Za-z_][\w\[\]-]*)=("[^"]*"|'[^']*'|\{[^}]*\}|[^\s\x1d]*)""", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-F]{2})+\Z")
_HEADER = 4096  # a syslog daemon's header before the record is never this long
# What the kernel calls by number (linux/audit.h).
_NUMBERED = {
    "1300": "SYSCALL",
    "1302": "PATH",
    "1306": "SOCKADDR",
    "1307": "CWD",
    "1309": "EXECVE",
    "1320": "EOE",
    "1327": "PROCTITLE",
}
_ENRICHED = re.compile("\x1d|#035")


class AuditRecord(msgspec.Struct, array_like=True):
    """One record; `argv` are the pieces of an EXECVE record by (argument, piece), as bytes that may be cut anywhere."""

    node: str | None
    type: str
    time: str
    serial: str
    fields: dict[str, str]
    names: dict[str, str]
    argv: dict[tuple[int, int], bytes]


def audit_record(line: str) -> AuditRecord | None:
    """The record in `line`, which may have a syslog header before it; None when there is none."""
    start = _START.search(line, 0, _HEADER)
    if start is None:
        return None
    body, _, enrichment = line[start.end() :].partition("\x1d")
    if not enrichment and "#035" in body:
        body, enrichment = _ENRICHED.split(body, maxsplit=1)
    kind = _NUMBERED.get(start["type"], start["type"])
    fields: dict[str, str] = {}
    argv: dict[tuple[int, int], bytes] = {}
    for name, text in _FIELD.findall(body):
        argument = _ARGUMENT.match(name) if kind == "EXECVE" else None
        if argument:
            argv[int(argument[1]), int(argument[2] or 0)] = _bytes(text)
        elif name == "msg" and text[:1] == "'":
            fields.update((inner, _value(inner, value)) for inner, value in _FIELD.findall(text[1:-1]))
        else:
            fields.setdefault(name, _value(name, text))
    names = {name: text.strip('"') for name, text in _FIELD.findall(enrichment)}
    return AuditRecord(start["node"], kind, start["time"], start["serial"], fields, names, argv)


def _value(name: str, text: str) -> str:
    if text[:1] == '"':
        return text[1:-1]
    if name in _TEXTS and _HEX.match(text):
        return _decode(bytes.fromhex(text))
    return "" if text == "(null)" else text


def _bytes(text: str) -> bytes:
    if text[:1] == '"':
        return text[1:-1].encode("utf-8", "surrogatepass")
    return bytes.fromhex(text) if _HEX.match(text) else text.encode("utf-8", "surrogatepass")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def arguments(pieces: Mapping[tuple[int, int], bytes]) -> list[str]:
    """The arguments of an execve, whose pieces may come in any order and over several records."""
    whole: dict[int, bytearray] = {}
    for (argument, _), data in sorted(pieces.items()):
        whole.setdefault(argument, bytearray()).extend(data)
    return [_decode(bytes(data)) for data in whole.values()]


def title(proctitle: str) -> list[str]:
    """The arguments in a PROCTITLE (NUL between them, cut off after 128 bytes)."""
    return proctitle.rstrip("\0").split("\0")


class Address(msgspec.Struct, frozen=True):
    """Where a socket call goes: an IP address with a port, or a `path` (a local socket; '@' starts an abstract one)."""

    ip: str = ""
    port: int = 0
    path: str = ""


def address(saddr: str) -> Address | None:
    """A struct sockaddr in hexadecimal; None when it is of no family that has an address (netlink and the like).

    The family is in the byte order of the machine, the port in that of the network.
    """
    if not _HEX.match(saddr):
        return None
    data = bytes.fromhex(saddr)
    family = max(data[:2]) if len(data) >= 2 and 0 in data[:2] else -1
    if family == 2 and len(data) >= 8:
        return Address(str(ipaddress.IPv4Address(data[4:8])), int.from_bytes(data[2:4], "big"))
    if family == 10 and len(data) >= 24:
        ip = ipaddress.IPv6Address(data[8:24])
        return Address(str(ip.ipv4_mapped or ip), int.from_bytes(data[2:4], "big"))
    if family == 1:
        path = data[2:]
        name = b"@" + path[1:] if path[:1] == b"\0" else path
        return Address(path=_decode(name.split(b"\0")[0]))
    return None
