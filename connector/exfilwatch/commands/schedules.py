"""Commands that are written where a scheduler reads them, and which command a schedule runs first.

Sources: crontab(5), anacrontab(5), run-parts(8), periodic(8), systemd.service(5) (ExecStart= and its prefixes),
launchd.plist(5) (ProgramArguments, Program), PlistBuddy(8), defaults(1), plutil(1), Microsoft's pages on AT and on
CommandLineEventConsumer.
"""

import plistlib
import re
from collections.abc import Iterator, Sequence
from xml.parsers.expat import ExpatError

import msgspec

from exfilwatch.commands.command import Command, program
from exfilwatch.commands.shells.argv import argv
from exfilwatch.commands.wrappers import Inner, joined

SCHEDULERS = frozenset(
    [
        *("schtasks", "at", "batch", "crontab", "systemd-run", "launchctl", "new-scheduledtaskaction"),
        *("cron file", "systemd unit", "launchd plist", "wmi consumer"),
    ]
)
"""Names in `Command.within` of what runs commands later; those with a blank are files or objects that are written."""
_LINES = re.compile(r"/etc/(?:cron\.d/[^/]+|crontab)$|/var/(?:spool/cron|at)/(?:crontabs/|tabs/)?[^/]+$")
_OF_USERS = re.compile(r"/var/")
_ANACRON = re.compile(r"/etc/anacrontab$")
_SCRIPTS = re.compile(r"/etc/(?:cron\.(?:hourly|daily|weekly|monthly)|(?:[^/]+/)?periodic/\w+)/[^/]+$")
_UNITS = re.compile(r"/systemd/(?:system|user)(?:\.control|\.attached)?/(?:[^/]+/)?[^/]+\.(?:service|conf)$")
_PLISTS = re.compile(r"/launch(?:agents|daemons)/[^/]+$", re.IGNORECASE)
_EXEC = re.compile(r"^[ \t]*Exec\w+[ \t]*=[ \t]*[-@:+!|]*(.+)$", re.MULTILINE)
_STRING = re.compile(r"<string>(.*?)</string>", re.DOTALL)
_ARGUMENTS = re.compile(r"<key>\s*ProgramArguments\s*</key>\s*<array>(.*?)</array>", re.DOTALL)
_ADDED = re.compile(r"^\s*(?:add|set)\s+['\"]?:?programarguments:?\d*['\"]?\s+(?:string\s+)?(.+)$", re.IGNORECASE)
_CONSUMER = re.compile(r"commandlinetemplate['\"]?\s*[=:]\s*(?:'([^']*)'|\"((?:\\\"|[^\"])*)\"|(.+)$)", re.IGNORECASE)
_TIME = re.compile(r"\d{1,2}:\d\d(?:[ap]m?)?$", re.IGNORECASE)
_MOST = 16
_OF_AT = ("/every", "/next", "/interactive")


def is_read(file: str) -> bool:
    """Whether a scheduler reads the file."""
    path = file if file.startswith(("/", "~")) else f"/{file}"
    return any(each.search(path) for each in (_LINES, _ANACRON, _SCRIPTS, _UNITS, _PLISTS))


def left(command: Command, output: str | None) -> Iterator[tuple[str, Inner]]:
    """What a command leaves for a scheduler to run, each with the scheduler's name. `output` is what it writes."""
    text = command.text if command.program in ("tee", "cat") else output
    files = [*command.writes, *(command.words[1:] if command.program == "tee" else [])]
    for file in filter(is_read, files) if text else ():
        yield from _of_file(file, text or "")
    words = command.words
    match command.program:
        case "at" if at := next((at for at, word in enumerate(words[:4]) if _TIME.match(word)), 0):
            rest = [word for word in words[at + 1 :] if not word.lower().startswith(_OF_AT)]
            if rest:
                yield "at", Inner("line", joined(rest))
        case "plistbuddy" if _PLISTS.search(words[-1]):
            values = [found[1].strip("'\"") for word in words if (found := _ADDED.match(word))]
            yield from _plist([value for value in values if value.lower() != "array"])
        case "defaults" if "ProgramArguments" in words and any(map(_PLISTS.search, words)):
            at = words.index("ProgramArguments")
            yield from _plist([word for word in words[at + 1 :] if word not in ("-array", "-array-add", "-string")])
        case "plutil" if "ProgramArguments" in words and _PLISTS.search(words[-1]):
            yield from _plist(_listed(next((word for word in words if word[:1] == "["), "")))
    if "ommand" in command.raw and "wmic" not in command.within and (found := _CONSUMER.search(command.raw)):
        line = found[1] or found[2] or found[3] or ""
        yield "wmi consumer", Inner("line", line.replace('\\"', '"').rstrip("'\")} "))


def _of_file(file: str, text: str) -> Iterator[tuple[str, Inner]]:
    path = file if file.startswith(("/", "~")) else f"/{file}"
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if _LINES.search(path):
        for line in lines[:_MOST]:
            if found := _line(line, user=not _OF_USERS.search(path)):
                yield "cron file", Inner("posix", found)
    elif _ANACRON.search(path):
        for line in lines[:_MOST]:
            if len(fields := line.split(None, 3)) == 4:
                yield "cron file", Inner("posix", fields[3])
    elif _SCRIPTS.search(path):
        yield "cron file", Inner("posix", text)
    elif _UNITS.search(path):
        for found in _EXEC.findall(text)[:_MOST]:
            yield "systemd unit", Inner("words", "", tuple(argv(found, False)))
    elif _PLISTS.search(path):
        yield from _plist(_arguments(text))


def _line(line: str, *, user: bool) -> str:
    """The command of a line of a crontab, of the system's after the user."""
    fields = line.split(None, (1 if line.lstrip().startswith("@") else 5) + user)
    return fields[-1] if len(fields) == (2 if line.lstrip().startswith("@") else 6) + user else ""


def _plist(words: Sequence[str]) -> Iterator[tuple[str, Inner]]:
    if words:
        yield "launchd plist", Inner("words", "", tuple(words))


def _arguments(text: str) -> list[str]:
    """The arguments that a property list names; of one that is cut off or broken, those that stand there."""
    try:
        found = plistlib.loads(text.encode())
    except (ExpatError, plistlib.InvalidFileException, ValueError, RecursionError):
        inner = _ARGUMENTS.search(text)
        return _STRING.findall(inner[1]) if inner else []
    if not isinstance(found, dict):
        return []
    given = found.get("ProgramArguments")
    return [str(each) for each in given] if isinstance(given, list) else [str(found.get("Program") or "")]


def _listed(text: str) -> list[str]:
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return []


def first_of(commands: Sequence[Command], *, scheduled: bool) -> str | None:
    """The first command that runs no other, in one form however it was written; `scheduled`: among those that a
    schedule runs, else among the others. A line that makes a schedule has none of the others.
    """
    made = any(not SCHEDULERS.isdisjoint(command.within) for command in commands)
    if made is not scheduled:
        return None
    for at, command in enumerate(commands):
        runs = at + 1 < len(commands) and len(commands[at + 1].within) > len(command.within)
        if runs or not command.words or (scheduled and SCHEDULERS.isdisjoint(command.within)):
            continue
        return " ".join([program(command.words[0]), *command.words[1:]]).casefold().replace('"', "").replace("'", "")
    return None
