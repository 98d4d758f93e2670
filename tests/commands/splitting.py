"""A stand-in for what understands whole lines until it is on main: the shells, `sh -c`, and the simplest wrappers."""

import shlex
from collections.abc import Iterator

from exfilwatch.commands.command import Command, Undoing, program
from exfilwatch.commands.mounts import mounted
from exfilwatch.commands.shells import cmd, posix, powershell

_INNER = {"sh", "bash", "zsh", "dash", "ksh"}
_WRAP = {"sudo": 0, "timeout": 1, "nohup": 0, "busybox": 0, "env": 0}


def commands_of(line: str, image: str, language: str = "") -> list[Command]:
    if language == "powershell":
        found = powershell.commands(line, Undoing())
        for command in found:
            command.language = language
        return found
    if language:
        return [Command([], raw=line, language=language)]
    if "\\" in image:
        return cmd.commands(line, Undoing())
    if "\n" in line and image and program(image) not in _INNER:
        first, _, typed = line.partition("\n")
        return [Command(shlex.split(first), raw=first, text=typed)]
    return list(mounted(each for command in posix.commands(line, Undoing()) for each in _inner(command)))


def _inner(command: Command) -> Iterator[Command]:
    while command.program in _WRAP:
        del command.words[: 1 + _WRAP[command.program]]
    if command.program in _INNER and "-c" in command.words:
        yield from commands_of(command.words[command.words.index("-c") + 1], "")
    elif command.program == "xargs":
        at = next(at for at, word in enumerate(command.words) if at and not word.startswith("-"))
        yield Command(command.words[at:], reads=command.reads, text=command.text, piped=command.piped)
    elif command.program == "find" and "-exec" in command.words:
        yield command
        yield Command(command.words[command.words.index("-exec") + 1 : -1])
    else:
        yield command
