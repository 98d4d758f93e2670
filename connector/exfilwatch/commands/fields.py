"""What rules can ask of a command line that was understood: fields beside those of the event (docs/rules.md).

transfer.*   the gravest transfer of the line: an upload before an offer, a tunnel, a relay and a download; one to the
             internet before one that stays near; one of sensitive files first
archive.*    the gravest archive, encryption or split that is made
collect.*    the gravest search or copy of people's files
remote.*     a repository elsewhere that is given a name or pushed to by it
command.*    the line as a whole: all that it does, its plain text, what hid it, what runs the commands, how many
             uploads and how many different destinations it names for what leaves, its first command, the template of
             its gravest upload; its program (`program_of`), which no line is looked at for
schedule.*   the first command that a schedule runs which the line makes
file.*       the file that is made, where anybody may write
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from xml.etree import ElementTree as ET

from exfilwatch.commands import sensitive
from exfilwatch.commands.acting import acting
from exfilwatch.commands.command import LONGEST_LINE, Command, program
from exfilwatch.commands.deployed import are_deployed
from exfilwatch.commands.destinations import NEAR, destination, is_label
from exfilwatch.commands.named import PASSIVE
from exfilwatch.commands.pieces import pieces
from exfilwatch.commands.reading import TRANSFERS, Action, known_tools
from exfilwatch.commands.schedules import first_of
from exfilwatch.commands.staging import sent_name, staged_name
from exfilwatch.commands.template import template
from exfilwatch.commands.understand import Understood, understood
from exfilwatch.commands.wrappers import wrapper
from exfilwatch.events.event import Value

Get: TypeAlias = Callable[[str], Value]
Fields: TypeAlias = Mapping[str, Value]

_NAMING = ("remote", "push")
_DEFAULT = "origin"
"""The remote that git pushes to where none is named."""
_STAGING = ("archive", "encrypt", "split")
_GRAVITY = ("upload", "offer", "tunnel", "relay", "download")
_INPUT = ("-", "@-", ".", "/dev/stdin")
_EVERYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104 - addresses that a server listens on, as others write them
_MOST = 20
"""Values that a field keeps."""
_READERS = frozenset(["cat", "type", "gc", "get-content", "dd", "head", "tail", "tee", "pv", "bzcat", "xzcat", "zcat"])
_URL = re.compile(r"\b(?:https?|ftps?|sftp|wss?|smtps?)://[^\s'\"|;,()<>]{1,2000}", re.IGNORECASE)
_EXEC = re.compile(r"<Exec\b.*?</Exec>", re.DOTALL | re.IGNORECASE)


class _Seen(NamedTuple):
    """An action with where it goes and how grave what it takes is."""

    command: Command
    action: Action
    host: str
    kind: str
    sources: tuple[str, ...]
    sensitive: str


def fields(get: Get) -> Fields:
    """The fields of an event, from its command line, its script or its scheduled task, and the file that it names."""
    found, target = _of_text(get), _text(get("TargetFilename"))
    sources = found.get("transfer.source_path")
    if not target and not sources:
        return found
    paths = map(str, sources) if isinstance(sources, list) else ()
    sent = sent_name(paths, _text(get("CurrentDirectory")))
    return {**found, "file.name": staged_name(target), "transfer.file": sent}


def _of_text(get: Get) -> Fields:
    # First: the field map makes a command line of a task's first action.
    if task := _text(get("TaskContent")) or _text(get("TaskContentNew")):
        found = _fields("\n".join(_actions_of(task)), "", "", "cmd")
        return {**found, "schedule.command": found.get("command.first"), "command.first": None}
    image, original = _text(get("Image")), _text(get("OriginalFileName"))
    if line := _text(get("CommandLine")):
        started = original.removesuffix(".dll")
        return _fields(line, started if wrapper(program(started)) else image, original, "")
    if script := _text(get("ScriptBlockText")):
        return _fields(script, "", "", "powershell") if len(script) <= LONGEST_LINE else _of_pieces(script)
    return {}


def program_of(get: Get) -> Value:
    """The program that was started, or that the action of a task starts (TaskScheduler 200), as its plain name."""
    return program(_text(get("Image")) or _text(get("ActionName"))) or None


def acts(get: Get) -> bool:
    """Whether an event's command line, script or task does anything beyond fetching and unpacking; told cheaply when
    it does not."""
    if get("TaskContent") or get("TaskContentNew"):
        return _is_active(fields(get))
    image = get("Image")
    if is_ordinary(image):
        return False
    if line := _text(get("CommandLine")):
        return line_acts(line, image, get("OriginalFileName"))
    script = _text(get("ScriptBlockText"))
    if script and not acting().script(script):
        return False
    return _is_active(fields(get))


def is_ordinary(image: Value) -> bool:
    """Whether a program starts all the time and does nothing of interest, whatever its line (named.ORDINARY)."""
    return isinstance(image, str) and acting().is_ordinary(image)


def line_acts(line: str, image: Value, original: Value) -> bool:
    """What `acts` says of an event with a command line and no task."""
    return _acts(line, _text(image), _text(original))


@lru_cache(8_192)
def _acts(line: str, image: str, original: str) -> bool:
    event = {"CommandLine": line, "Image": image, "OriginalFileName": original}
    return acting().may(line, image, original) and _is_active(fields(event.get))


def _is_active(found: Fields) -> bool:
    does = found.get("command.does")
    return isinstance(does, list) and not PASSIVE.issuperset(map(str, does))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _actions_of(task: str) -> Iterator[str]:
    """The command lines of a scheduled task's XML; of one that is cut off or broken, what stands there."""
    for found in _EXEC.findall(task):
        try:
            # No entity is declared within an element, so none can be expanded.
            parts = {each.tag.rpartition("}")[2].lower(): each.text or "" for each in ET.fromstring(found)}  # noqa: S314
        except ET.ParseError:
            parts = {"command": re.sub(r"<[^>]*>", " ", found)}
        yield f"{parts.get('command', '')} {parts.get('arguments', '')}".strip()


@lru_cache(4_096)
def _fields(line: str, image: str, original: str, language: str) -> Fields:
    found = understood(line, image, language)
    return _of_seen(found, list(_all_seen(found, original)))


def _of_pieces(script: str) -> Fields:
    """The fields of a script that is longer than what is looked at at once: of its pieces, together. What two pieces
    that overlap both show counts once.
    """
    commands: list[Command] = []
    seen: list[_Seen] = []
    plain: dict[str, None] = {}
    undone: dict[str, None] = {}
    last: list[_Seen] = []
    for piece in pieces(script):
        if not acting().script(piece):
            last = []
            continue
        found = understood.__wrapped__(piece, "", "powershell")
        these = list(_all_seen(found, ""))
        # The command itself may be cut off in one of them.
        before = [each[1:] for each in last]
        seen += [each for each in these if each[1:] not in before]
        last = these
        commands += found.commands
        plain |= dict.fromkeys(found.plain.split("\n"))
        undone |= dict.fromkeys(found.undone)
    return _of_seen(Understood(tuple(commands), "\n".join(plain), tuple(undone)), seen)


def _all_seen(found: Understood, original: str) -> Iterator[_Seen]:
    tools = known_tools()
    before = _Before()
    for position, command in enumerate(found.commands):
        for action in tools.actions(command, "" if position else original):
            yield _seen(command, action, before)


class _Before(dict[int, list[Action]]):
    """What commands do that others are piped from, each read once: a long pipe has them before each of its commands."""

    def of(self, command: Command) -> list[Action]:
        found = self.get(id(command))
        if found is None:
            found = self[id(command)] = known_tools().actions(command)
        return found


def _of_seen(found: Understood, seen: list[_Seen]) -> Fields:
    result: dict[str, Value] = {
        "command.plain": found.plain,
        "command.undone": list(found.undone) or None,
        "command.does": _several(each.action.does for each in seen),
        "command.within": _several(name for command in found.commands for name in command.within),
        "command.first": first_of(found.commands, scheduled=False),
        "schedule.command": first_of(found.commands, scheduled=True),
        "command.count": sum(each.action.does == "upload" for each in seen) or None,
    }
    transfers = [each for each in seen if each.action.does in TRANSFERS]
    if transfers:
        placed = _placed(transfers, found.plain)
        leaving = (host for each in placed if each.action.does != "download" for host in _hosts(each))
        gravest = min(placed, key=_gravity)
        result |= _transfer(gravest) | {"command.destinations": len(set(leaving)) or None}
        if gravest.action.does == "upload":
            result["command.template"] = _template(gravest)
    staged = [each for each in seen if each.action.does in _STAGING]
    if staged:
        made = min(staged, key=_worth)
        result |= _taking("archive", made) | {
            "archive.kind": made.action.does,
            "archive.secret": made.action.secret or None,
        }
    named = [each for each in seen if each.action.does in _NAMING]
    if named:
        result |= {
            "remote.name": named[0].action.output or _DEFAULT,
            "remote.destination": named[0].host or None,
            "remote.destination_class": named[0].kind,
        }
    collected = [each for each in seen if each.action.does == "collect"]
    if collected:
        result |= _taking("collect", min(collected, key=lambda each: not each.sensitive))
    return result


def _placed(transfers: list[_Seen], plain: str) -> list[_Seen]:
    """The transfers, uploads that name no host with that of another one, or of a URL that nothing is fetched from.

    A script says in one statement where to, and in another one what.
    """
    lost = [each for each in transfers if each.action.does == "upload" and not each.host]
    if not lost:
        return transfers
    named = [each for each in transfers if each.action.does == "upload" and each.host]
    fetched = {each.host for each in transfers if each.action.does == "download"}
    places = ((place.host, place.kind) for place in map(destination, _URL.findall(plain)) if place.host not in fetched)
    other = min(named, key=_gravity) if named else None
    host, kind = (other.host, other.kind) if other else next(places, ("", "unknown"))
    return [
        each._replace(host=host, kind=kind if each.kind == "unknown" else each.kind) if each in lost else each
        for each in transfers
    ]


def _hosts(seen: _Seen) -> Iterator[str]:
    """All that a transfer names as where to: several URLs of one curl are as many."""
    yield from (destination(each).host or each for each in seen.action.destinations or [seen.host])


def _gravity(seen: _Seen) -> tuple[int, bool, bool]:
    return _GRAVITY.index(seen.action.does), seen.kind in NEAR, not seen.sensitive


def _worth(seen: _Seen) -> tuple[bool, bool, bool]:
    """Of what is made, the sensitive first, then what is under a password, then what is more than an archive."""
    return not seen.sensitive, not seen.action.secret, seen.action.does == "archive"


def _several(values: Iterable[str]) -> Value:
    found: list[Value] = [*dict.fromkeys(values)]
    return found[:_MOST] or None


def _seen(command: Command, action: Action, before: _Before) -> _Seen:
    where = [destination(each) for each in action.destinations]
    # Of several the first that goes out: curl takes more than one URL.
    chosen = next((each for each in where if each.outside), where[0] if where else None)
    kind = action.destination_class or (chosen.kind if chosen else "unknown")
    if action.does == "offer" and chosen and chosen.host in _EVERYWHERE:
        kind = "unknown"
    sources = tuple(each for each in action.sources if each not in _INPUT) or tuple(_piped(command, before))
    grave = action.sensitive or next(filter(None, map(sensitive.kind_of, sources)), "")
    host = (chosen.host if chosen else "") or next(iter(action.destinations), "")
    if kind == "unknown" and not grave and action.family == "file transfer" and is_label(host):
        kind = "internal" if are_deployed(sources) else kind
    return _Seen(command, action, host, kind, sources, grave)


def _piped(command: Command, before: _Before) -> Iterator[str]:
    """The files whose content comes in by the pipe or by a redirection."""
    if command.reads:
        yield command.reads
    for each in command.piped:
        if each.reads:
            yield each.reads
        if each.program in _READERS:
            yield from (word for word in each.words[1:] if not word.startswith("-"))
        for action in before.of(each):
            if action.does in (*_STAGING, "collect"):
                yield from action.sources


def _transfer(seen: _Seen) -> dict[str, Value]:
    action = seen.action
    return {
        "transfer.direction": action.does,
        "transfer.tool": action.tool,
        "transfer.family": action.family,
        "transfer.protocol": action.protocol or None,
        "transfer.destination": seen.host or None,
        "transfer.destination_class": seen.kind,
        "transfer.source_path": list(seen.sources[:_MOST]) or None,
        "transfer.sensitive_source": seen.sensitive or None,
        "transfer.content": action.content,
        "transfer.secret": action.secret or None,
        "transfer.renamed": action.renamed or None,
        "transfer.within": list(action.within) or None,
    }


def _template(seen: _Seen) -> str:
    """Of the command alone, however its program is called; data in names that are looked up is no destination."""
    command, action = seen.command, seen.action
    text = command.raw if command.language else " ".join([action.tool, *command.words[1:]])
    return template(text, seen.sources, "" if action.family == "dns" else seen.host)


def _taking(name: str, seen: _Seen) -> dict[str, Value]:
    return {
        f"{name}.tool": seen.action.tool,
        f"{name}.path": seen.action.output or None,
        f"{name}.source_path": list(seen.sources[:_MOST]) or None,
        f"{name}.sensitive_source": seen.sensitive or None,
    }
