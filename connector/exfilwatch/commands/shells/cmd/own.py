"""Commands that cmd.exe runs itself, where they tell what follows: set, echo, start."""

import re
from collections.abc import Iterator
from typing import Final

from exfilwatch.commands.command import Command, program
from exfilwatch.commands.shells.cmd.scope import Scope

SET: Final = re.compile(r'set(?:[\s,;=]\s*|(?=[/"]))(/[ap])?\s*(.*)', re.IGNORECASE | re.DOTALL)
_ECHO = re.compile(r"(?:echo[.:,;=/(\s]?|set[\s,;=]*/p\s*[^=]*=)", re.IGNORECASE)
_TITLE = re.compile(r'start[\s,;=]*"[^"]*"', re.IGNORECASE)
_VALUED = re.compile(r"/(?:d|node|affinity|machine)$", re.IGNORECASE)
_RUNNING: Final = frozenset(["cmd", "powershell", "pwsh", "cscript", "wscript"])
_SCRIPTS: Final = (".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js", ".jse")
_READING: Final = frozenset(["-b", "-m", "-script", "/script", "-command"])


def assigned(scope: Scope, text: str) -> bool:
    """Whether a `set` sets something; if so it is set."""
    found = SET.match(text)
    if found is None or "=" not in found[2]:
        return False
    value = found[2]
    if value.startswith('"'):
        last = value.rfind('"')
        value = value[1:last] if last > 0 else value[1:]
    name, _, value = value.partition("=")
    how = (found[1] or "").lower()
    if how == "/p":
        scope.set(name.strip(), None)
        return bool(name.strip())
    if how == "/a":
        total = scope.computed(value)
        scope.set(name.strip(), None if total is None else str(total))
    else:
        scope.set(name, value)
    return True


def echoed(command: Command) -> str | None:
    """What an echo writes, or the prompt of a `set /p`, which is written as well; None if the command is neither."""
    name = command.words[0].lower() if command.words else ""
    found = _ECHO.match(command.raw) if name == "set" or name.rstrip(".:(") == "echo" else None
    if found is None:
        return None
    written = command.raw[found.end() :]
    return written.strip('"') if name == "set" else written


def listed(scope: Scope, command: Command) -> str | None:
    """What `set NAME` writes: the variables whose names begin so; None if it is another command or none is known."""
    words = command.words
    if len(words) != 2 or words[0].lower() != "set" or "=" in words[1] or words[1].startswith("/"):
        return None
    start = words[1].strip('"').lower()
    known = scope.undoing.variables
    found = [f"{name[4:]}={known[name]}" for name in sorted(known) if name.startswith("env:" + start)]
    return "\n".join(found) or None


def started(command: Command) -> None:
    """`start`: the words of what it starts instead of its own."""
    words = command.words
    at = 2 if len(words) > 2 and _TITLE.match(command.raw) else 1
    while at < len(words) and words[at].startswith("/"):
        at += 2 if _VALUED.match(words[at]) else 1
    if at < len(words):
        command.words = words[at:]
        found = command.raw.find(command.words[0])
        if found > 0:
            command.raw = command.raw[found - (command.raw[found - 1] == '"') :]


def fed(scope: Scope, command: Command) -> None:
    """Give a command the text of the file that it reads its commands from (`< file`, `ftp -s:file`, `sftp -b file`)."""
    names = [command.reads] if command.reads else []
    for at, word in enumerate(command.words[1:], 1):
        if word[:3].lower() in ("-s:", "/s:"):
            names.append(word[3:])
        elif word.lower() in _READING:
            names += command.words[at + 1 : at + 2]
        elif "=" in word:
            names.append(word.partition("=")[2])
    for name in names:
        command.text = scope.text_in(name) or command.text


def ran(scope: Scope, command: Command) -> Iterator[tuple[str, str]]:
    """The names and texts of the scripts that a command runs, of those that were written before it; each once."""
    names = command.words[1:] if program(command.words[0]) in _RUNNING else command.words[:1]
    for name in names:
        if name.strip('"').lower().endswith(_SCRIPTS) and (text := scope.text_in(name)) is not None:
            scope.forget(name)
            scope.undoing.did("script of its own")
            yield name.strip('"').lower(), scope.undoing.within(text)
