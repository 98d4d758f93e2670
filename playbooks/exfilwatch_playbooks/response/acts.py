"""What a finding's events do, as the rules read it: families and directions of transfers, what was packed and sent.

The same reading of command lines, scripts and tasks that fired the rules (exfilwatch/commands/fields.py), so that the
steps for cloud storage, DNS, tunnels and shares come with any rule, also with one of somebody else's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from exfilwatch.commands.fields import fields
from exfilwatch.events.event import Value
from exfilwatch.findings.finding import EvidenceEvent

_ABSOLUTE = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]|/")
_WHOLE = re.compile(r"[%$`*?<>|\"]|^~|[\r\n]")
_ARCHIVE = re.compile(
    r"\.(?:zip|7z|rar|tar|tgz|tbz2?|txz|gz|bz2|xz|zst|cab|arc|iso|vhdx?|gpg|aes)(?:\.\d{1,4})?$", re.IGNORECASE
)
_FIRST = re.compile(r"""\s*["']?(?:[^"'\s]{0,300}[\\/])?([^"'\s\\/]{1,100})""")
_TELLING = ("CommandLine", "ScriptBlockText", "TaskContent", "TargetFilename", "CurrentDirectory")
_MOST = 100
_SENDING = ("upload", "offer", "tunnel", "relay")


@dataclass(frozen=True)
class Acts:
    """`classes`: of the destinations (exfilwatch/commands/destinations.yml). `archive`, `source`: as written;
    `archive_path`, `source_path`: if a command can find the file by it."""

    families: frozenset[str]
    directions: frozenset[str]
    classes: frozenset[str]
    tool: str | None
    place: str | None
    archive: str | None
    archive_path: str | None
    source: str | None
    source_path: str | None
    share: str | None


def acts(events: Iterable[EvidenceEvent]) -> Acts:
    """What the events do together; of several that name a file, the first."""
    given = _different(events)
    read = [(event, fields({**event.fields, **_started(event)}.get)) for event in given]
    sending = [(event, found) for event, found in read if found.get("transfer.direction") in _SENDING]
    named = [(event, _text(found.get("archive.path"))) for event, found in read]
    written = [(event, _text(event.fields.get("TargetFilename"))) for event in given]
    packed = [(event, path) for event, path in named if path] or [
        (event, path) for event, path in written if path and _ARCHIVE.search(path)
    ]
    sources = [(event, path) for event, found in sending for path in _several(found.get("transfer.source_path"))]
    packed = packed or [(event, path) for event, path in sources if _ARCHIVE.search(path)]
    return Acts(
        families=frozenset(_text(found.get("transfer.family")) for _, found in sending) - {""},
        directions=frozenset(_text(found.get("transfer.direction")) for _, found in sending) - {""},
        classes=frozenset(_text(found.get("transfer.destination_class")) for _, found in sending) - {""},
        tool=_first(found.get("transfer.tool") for _, found in sending),
        place=_first(found.get("transfer.destination") for _, found in sending),
        archive=packed[0][1] if packed else None,
        archive_path=next((whole for event, path in packed if (whole := _whole(event, path))), None),
        source=sources[0][1] if sources else None,
        source_path=next((whole for event, path in sources if (whole := _whole(event, path))), None),
        share=_first(
            found.get("transfer.destination") for _, found in sending if found.get("transfer.family") == "share"
        ),
    )


def _different(events: Iterable[EvidenceEvent]) -> list[EvidenceEvent]:
    """Those that say something of their own, the first ones: a loop leaves thousands that say the same."""
    told: dict[tuple[str, ...], EvidenceEvent] = {}
    for event in events:
        if len(told) == _MOST:
            break
        told.setdefault(tuple(str(event.fields.get(name)) for name in _TELLING), event)
    return list(told.values())


def _started(event: EvidenceEvent) -> dict[str, str]:
    """What stands for the image of a record of Windows that has none, as of a task's: else a backslash would escape."""
    if event.product != "windows" or event.fields.get("Image"):
        return {}
    found = _FIRST.match(_text(event.fields.get("CommandLine")))
    return {"Image": f"C:\\{found[1].removesuffix('.exe')}.exe"} if found else {}


def _whole(event: EvidenceEvent, path: str) -> str | None:
    """The path from the root, by the directory where the command ran; None where a shell would have to expand it."""
    if _WHOLE.search(path):
        return None
    if _ABSOLUTE.match(path):
        return path
    folder = _text(event.fields.get("CurrentDirectory"))
    if not _ABSOLUTE.match(folder) or _WHOLE.search(folder) or re.match(r"[A-Za-z]:|\.\.", path):
        return None
    mark = "/" if folder.startswith("/") else "\\"
    return folder.rstrip(mark) + mark + re.sub(r"^\.[\\/]", "", path)


def _first(values: Iterable[Value]) -> str | None:
    return next((text for value in values if (text := _text(value))), None)


def _several(value: Value) -> list[str]:
    return [_text(each) for each in (value if isinstance(value, list) else [value]) if _text(each)]


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
