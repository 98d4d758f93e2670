"""Commands that are written where a scheduler reads them, and which command a schedule runs first.

Sources: crontab(5), anacrontab(5), run-parts(8), periodic(8), systemd.service(5) (ExecStart= and its prefixes),
launchd.plist(5) (ProgramArguments, Program), incrontab(5), Microsoft's pages on AT and on CommandLineEventConsumer.
"""

import re
from collections.abc import Iterator, Sequence

from exfilwatch.commands.command import Command, program
from exfilwatch.commands.plists import arguments_of
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
_INCRON = re.compile(r"/etc/incron\.d/[^/]+$|/var/spool/incron/[^/]+$")
_SCRIPTS = re.compile(r"/etc/(?:cron\.(?:hourly|daily|weekly|monthly)|(?:[^/]+/)?periodic/\w+)/[^/]+$")
_UNITS = re.compile(r"/systemd/(?:system|user)(?:\.control|\.attached)?/(?:[^/]+/)?[^/]+\.(?:service|conf)$")
_PLISTS = re.compile(r"/launch(?:agents|daemons)/[^/]+$", re.IGNORECASE)
_CONTINUED = re.compile(r"\\\n\s*")
_EXEC = re.compile(r"^[ \t]*Exec\w+[ \t]*=[ \t]*[-@:+!|]*(.+)$", re.MULTILINE)
_CONSUMER = re.compile(r"commandlinetemplate['\"]?\s*[=:]\s*(?:'([^']*)'|\"((?:\\\"|[^\"])*)\"|(.+)$)", re.IGNORECASE)
_TIME = re.compile(r"\d{1,2}:\d\d(?:[ap]m?)?$", re.IGNORECASE)
_MOST = 16
_OF_AT = ("/every", "/next", "/interactive")


Left = tuple[str, Inner]
"""What is left to run, after the scheduler's name."""


def is_read(file: str) -> bool:
    """Whether a scheduler reads the file."""
    path = _whole(file)
    return any(each.search(path) for each in (_LINES, _ANACRON, _INCRON, _SCRIPTS, _UNITS, _PLISTS))


def is_plist(file: str) -> bool:
    """Whether launchd reads the file."""
    return bool(_PLISTS.search(_whole(file)))


def _whole(file: str) -> str:
    return file if file.startswith(("/", "~")) else f"/{file}"


def left(command: Command) -> Iterator[Left]:
    """What a command leaves for a scheduler of Windows to run."""
    words = command.words
    if command.program == "at" and (at := next((at for at, word in enumerate(words[:4]) if _TIME.match(word)), 0)):
        rest = [word for word in words[at + 1 :] if not word.lower().startswith(_OF_AT)]
        if rest:
            yield "at", Inner("line", joined(rest))
    if "ommand" in command.raw and "wmic" not in command.within and (found := _CONSUMER.search(command.raw)):
        line = found[1] or found[2] or found[3] or ""
        yield "wmi consumer", Inner("line", line.replace('\\"', '"').rstrip("'\")} "))


def of_file(file: str, text: str) -> Iterator[Left]:
    """What a file that a scheduler reads says."""
    path = _whole(file)
    if _LINES.search(path):
        yield from of_cron(text, user=not _OF_USERS.search(path))
    elif _ANACRON.search(path):
        for line in _lines(text):
            if len(fields := line.split(None, 3)) == 4:
                yield "cron file", Inner("posix", fields[3])
    elif _INCRON.search(path):
        for line in _lines(text):
            if len(fields := line.split(None, 2)) == 3:
                yield "cron file", Inner("posix", fields[2])
    elif _SCRIPTS.search(path):
        yield "cron file", Inner("posix", text)
    elif _UNITS.search(path):
        yield from of_unit(text)
    elif _PLISTS.search(path):
        yield from plist(arguments_of(text))


def of_cron(text: str, *, user: bool) -> Iterator[Left]:
    """What the lines of a crontab run; in the system's, a user stands before the command."""
    for line in _lines(text):
        if found := _line(line, user=user):
            yield "cron file", Inner("posix", found)


def of_unit(text: str) -> Iterator[Left]:
    """What a unit of systemd runs."""
    for found in _EXEC.findall(_CONTINUED.sub(" ", text))[:_MOST]:
        yield "systemd unit", Inner("words", "", tuple(argv(found, False)))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")][:_MOST]


def _line(line: str, *, user: bool) -> str:
    """The command of a line of a crontab, of the system's after the user."""
    fields = line.split(None, (1 if line.lstrip().startswith("@") else 5) + user)
    return fields[-1] if len(fields) == (2 if line.lstrip().startswith("@") else 6) + user else ""


def plist(words: Sequence[str]) -> Iterator[Left]:
    """What launchd runs of a property list that names these words."""
    if words:
        yield "launchd plist", Inner("words", "", tuple(words))


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
