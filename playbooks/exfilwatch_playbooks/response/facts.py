"""What a finding says of who did what, where and where to: what sentences, steps and queries are filled with."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from exfilwatch.commands.destinations import kind_of
from exfilwatch.findings.finding import EvidenceEvent, Finding
from exfilwatch.findings.node import NOBODY, host_key
from exfilwatch_playbooks.response.acts import acts
from exfilwatch_playbooks.response.schedules import scheduled

_DESTINATIONS = 3
_READ = 65_536  # characters of a command line or script that are searched for destinations
_URL = re.compile(r"\b(?:https?|ftps?|sftp|scp|tftp|smb)://[^\s'\"<>|`)]{1,300}", re.IGNORECASE)
_COPY = re.compile(r"(?<![\w.@-])[\w.-]{1,64}@[\w.-]{1,253}:[^\s'\"<>|]{0,200}")
_NAMESPACE = re.compile(r"\bxmlns(?::\w{1,50})?\s?=\s?[\"'][^\"'<>]{0,300}[\"']")
_DEV_TCP = re.compile(r"/dev/(?:tcp|udp)/([\w.:-]{1,253})/(\d{1,5})")
# Accounts whose locking stops the machine rather than the attacker.
_BUILT_IN = frozenset(
    {"system", "local service", "network service", "root", "localsystem", "s-1-5-18", "s-1-5-19", "s-1-5-20"}
)
# Domains, in the languages of Windows that we know, whose accounts no directory holds.
_NO_DIRECTORY = frozenset(
    {"nt authority", "nt-autorität", "autorite nt", "autorité nt", "nt service", "nt virtual machine", "builtin"}
    | {"window manager", "font driver host", "iis apppool", "azuread", "workgroup", "."}
)
_PORT = re.compile(r"(?<=[\w\]]):(\d{1,5})(?![\w:.])", re.ASCII)
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+", re.IGNORECASE | re.ASCII)
_BYTES = ("orig_bytes", "source.bytes", "cs-bytes", "BytesSent", "SentBytes")


@dataclass(frozen=True)
class Facts:
    """None: the finding's events don't say. `destinations` are for people, the first is also `destination`;
    `destination_ip` is for commands, never loopback. `here`: all destinations that are known are the host itself, which
    a tunnel, a proxy or a test makes them; then `port` is the first one's.

    `process_id` is decimal. `account` is the user without domain, None for the system's own; the same is
    `domain_account` when a domain's directory knows it, `local_account` when the host itself does, and neither where
    nothing says which. `image_path` is `image` if that is a whole path. `content` is what a registered task runs.
    `product` is windows, linux, macos or empty. `destination_name` is another host's name. `archive` and `source` are
    what was packed and sent, as written; `archive_path` and `source_path` the same, where a command can find the file.
    `time` and `end` are the first and the last event's. What tells the kind: `attack` (the rule's techniques),
    `families` and `directions` of transfers, `categories` of events; `shapes` tell the SIEM that had the events.
    """

    time: datetime | None
    end: datetime | None
    host: str | None
    user: str | None
    account: str | None
    domain_account: str | None
    local_account: str | None
    program: str | None
    image: str | None
    image_path: str | None
    process_id: str | None
    parent: str | None
    command_line: str | None
    script: str | None
    content: str | None
    destinations: tuple[str, ...]
    destination: str | None
    destination_ip: str | None
    destination_name: str | None
    port: str | None
    file: str | None
    archive: str | None
    archive_path: str | None
    source: str | None
    source_path: str | None
    task: str | None
    tool: str | None
    share: str | None
    product: str
    connected: bool
    here: bool
    bytes_sent: int | None
    attack: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    directions: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    shapes: frozenset[str] = frozenset()


def facts(finding: Finding) -> Facts:
    """The facts of `finding`, from its events, a process's own event first."""
    events = sorted(finding.events, key=lambda event: event.category != "process_creation")
    image = _first(finding, events, "Image")
    command, script = _first(finding, events, "CommandLine"), _first(finding, events, "ScriptBlockText")
    drive = re.match(r"[A-Za-z]:\\", image or "")
    content = _first(finding, events, "TaskContent")
    said = "\n".join(filter(None, (command, script, _NAMESPACE.sub("", content or ""))))
    destinations = tuple(dict.fromkeys(_destinations(events, said)))[:_DESTINATIONS]
    host, user = _named(finding.host), _named(finding.user)
    account, of_domain, of_host = _accounts(user, host)
    does = acts(events)
    ips = [ip for event in events if (ip := _text(event.fields.get("DestinationIp")))]
    here = does.classes.union(kind_of(ip) for ip in ips) == {"loopback"}
    return Facts(
        time=finding.time,
        end=finding.end,
        host=host,
        user=user,
        account=account,
        domain_account=of_domain,
        local_account=of_host,
        program=basename(image),
        image=image,
        image_path=image if image and (drive or image.startswith("/")) else None,
        process_id=_number(_first(finding, events, "ProcessId")),
        parent=basename(_first(finding, events, "ParentImage")),
        command_line=command,
        script=script,
        content=content,
        destinations=destinations,
        destination=next(iter(destinations), None),
        destination_ip=next((ip for ip in (*ips, does.place) if ip and _may_be_blocked(ip)), None),
        destination_name=next((name for name in _names(events, does.place) if not _is_host(name, host)), None),
        port=next((port[1] for each in destinations if (port := _PORT.search(each))), None) if here else None,
        file=_first(finding, events, "TargetFilename"),
        archive=does.archive,
        archive_path=does.archive_path,
        source=does.source,
        source_path=does.source_path,
        task=_first(finding, events, "TaskName") or scheduled(command),
        tool=does.tool,
        share=does.share,
        product=next((event.product for event in events if event.product), "windows" if drive else ""),
        connected=any(event.category == "network_connection" for event in events),
        here=here,
        bytes_sent=bytes_sent(events),
        attack=frozenset(finding.rule.attack),
        families=does.families,
        directions=does.directions,
        categories=frozenset(event.category for event in events if event.category),
        shapes=frozenset(event.shape for event in events if event.shape),
    )


def basename(path: str | None) -> str | None:
    """The file's name, of a Windows or POSIX path."""
    return re.split(r"[\\/]", path)[-1] or path if path else None


def _named(name: str | None) -> str | None:
    return None if name is None or name.strip().lower() in NOBODY else name


def _accounts(user: str | None, host: str | None) -> tuple[str | None, str | None, str | None]:
    """The account's name, and once more if it is a domain's, if it is the host's own."""
    if user is None:
        return None, None, None
    domain, _, name = user.replace("/", "\\").rpartition("\\")
    name, _, suffix = name.partition("@")
    name, domain = name.strip(), (domain or suffix).strip()
    if not name or name.lower() in _BUILT_IN or name.endswith("$") or re.fullmatch(r"[0-9]+", name):
        return None, None, None
    if name.lower().startswith("s-1-5-21-"):
        return name, name, None
    if host and domain and host_key(domain, "") == host_key(host, ""):
        return name, None, name
    return name, name if domain and domain.lower() not in _NO_DIRECTORY else None, None


def _first(finding: Finding, events: list[EvidenceEvent], name: str) -> str | None:
    found = (_text(event.fields.get(name)) for event in events)
    return next((value for value in found if value), None) or _text(finding.fields.get(name))


def _text(value: object) -> str | None:
    text = "" if value is None or isinstance(value, (dict, list)) else str(value)
    return None if text in ("", "-") else text


def _number(value: str | None) -> str | None:
    text = (value or "").strip().lower()
    if re.fullmatch(r"0x[0-9a-f]{1,8}", text, re.ASCII):
        return str(int(text, 16))
    return str(int(text)) if re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) else None


def _destinations(events: list[EvidenceEvent], command: str) -> Iterator[str]:
    for event in events:
        ip = _text(event.fields.get("DestinationIp"))
        names = (_text(event.fields.get(name)) for name in ("DestinationHostname", "cs-host", "r-dns"))
        name = next((name for name in names if name), None)
        port = _text(event.fields.get("DestinationPort"))
        address = (f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}") if ip and port else ip
        if name or address:
            yield f"{name} ({address})" if name and address else name or address or ""
    searched = command[:_READ]
    yield from (url.rstrip(";,.)}\\") for url in _URL.findall(searched))
    yield from (f"{host}:{port}" for host, port in _DEV_TCP.findall(searched))
    yield from _COPY.findall(searched)


def _names(events: list[EvidenceEvent], place: str | None) -> Iterator[str]:
    """What may be looked for in logs as a host's name: whole names with a dot."""
    given = (_text(event.fields.get(name)) for event in events for name in ("DestinationHostname", "cs-host", "r-dns"))
    for name in (*given, place):
        if name and len(name) <= 253 and _NAME.fullmatch(name.rstrip(".")) and not _is_address(name):
            yield name.rstrip(".").lower()


def _is_host(name: str, host: str | None) -> bool:
    """Whether it is the name of the finding's host, by which sensors call its loopback address too."""
    return bool(host) and host_key(name, "") == host_key(host, "")


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _may_be_blocked(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)


def bytes_sent(events: Iterable[EvidenceEvent]) -> int | None:
    """What the events of connections add up to; None when none counts bytes."""
    counts = [
        int(text)
        for event in events
        for name in _BYTES
        if (text := _text(event.fields.get(name))) and re.fullmatch(r"[0-9]{1,18}", text, re.ASCII)
    ]
    return sum(counts) if counts else None
