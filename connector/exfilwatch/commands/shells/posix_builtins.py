"""What builtins of a POSIX shell, and mkfifo, change for the commands after them: variables, aliases, descriptors.

Sources: POSIX Shell Command Language, section 2.14; Bash reference manual, section 4; zsh manual, zsh/net/tcp.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from exfilwatch.commands.command import Command
from exfilwatch.commands.shells.posix_parameters import MOST, Parameters
from exfilwatch.commands.shells.posix_structure import Structure

RESERVED: Final = frozenset(
    {"if", "then", "elif", "else", "fi", "while", "until", "for", "select", "do", "done", "case", "esac"}
    | {"function", "time", "coproc", "!"}
)
"""Words that are the grammar's where a program's name would stand."""
DECLARING: Final = frozenset({"export", "readonly", "local", "declare", "typeset", "setenv"})
BUILTINS: Final = DECLARING | frozenset(
    {"set", "shift", "alias", "unalias", "unset", "printf", "read", "mapfile", "readarray", "getopts", "let"}
    | {"ztcp", "mkfifo"}
)
_ENCODES: Final = re.compile(
    r"^(?:\$\(|`)?\s*(?:\S*/)?(?:base(?:64|32)|xxd|od|hexdump|openssl|gpg|gzip)\s(?!.*(?:-d\b|-D\b|--decode|-r\b))"
)
_LONGEST_ENCODER: Final = 200
_MORE_THAN_WORDS: Final = re.compile(r"[;&|<>()$`]")


def ran(
    command: Command,
    parameters: Parameters,
    aliases: dict[str, list[str]],
    structure: Structure,
    split: Callable[[str], list[str] | None],
) -> None:
    """A builtin runs. `split` gives the words of a text."""
    name, *words = command.words
    if name in DECLARING:
        _declared(words, parameters)
    elif name == "set":
        _set(words, parameters)
    elif name == "shift":
        if parameters.positional is not None:
            parameters.positional = parameters.positional[1:]
    elif name == "alias":
        for word in words:
            alias, sign, value = word.partition("=")
            if sign and len(aliases) < MOST and not _MORE_THAN_WORDS.search(value):
                aliases[alias] = (split(value) or []) if value.strip() else []
    elif name == "unalias":
        for word in words:
            aliases.pop(word, None)
    elif name == "unset":
        for word in words:
            parameters.unset(word)
    elif name == "printf":
        if words[:1] == ["-v"] and len(words) > 2:
            text = structure.written(Command(["printf", *words[2:]]))
            _told(words[1], text, parameters)
    elif name == "mkfifo":
        structure.fifos.update(word for word in words[:MOST] if not word.startswith("-"))
    elif name == "ztcp":
        if len(words) > 1:
            structure.descriptors["$REPLY"] = f"/dev/tcp/{words[-2]}/{words[-1]}"
    else:
        _read(name, words, command.text, parameters)
        if (
            name == "read"
            and command.text is None
            and (taken := encoded(" ".join(each.words) for each in command.piped))
        ):
            for variable in filter(str.isidentifier, words[:MOST]):
                parameters.set(variable, f"$({taken})")


def encoded(texts: Iterable[str]) -> str:
    """The first text of commands that encodes files: what a loop is given by it leaves in whatever the loop sends."""
    return next((text for text in texts if len(text) <= _LONGEST_ENCODER and _ENCODES.search(text)), "")


def _told(name: str, text: str | None, parameters: Parameters) -> None:
    if text is None:
        parameters.forget(name)
    else:
        parameters.set(name, text)


def _declared(words: list[str], parameters: Parameters) -> None:
    for number, word in enumerate(words[:MOST]):
        variable, sign, value = word.partition("=")
        if sign and variable.isidentifier():
            parameters.set(variable, value)
        elif number == 0 and len(words) == 2 and variable.isidentifier():
            # csh: setenv NAME value
            parameters.set(variable, words[1])


def _set(words: list[str], parameters: Parameters) -> None:
    if "--" in words:
        parameters.positional = words[words.index("--") + 1 :][:MOST]
    elif len(words) == 3 and words[1] == "=":
        # csh: set name = value
        parameters.set(words[0], words[2])
    elif words and words[0][:1] not in {"-", "+"}:
        if len(words) == 2 and words[0].isidentifier():
            # fish: set name value
            parameters.set(words[0], words[1])
        parameters.positional = words[:MOST]


def _read(name: str, words: list[str], text: str | None, parameters: Parameters) -> None:
    names = [word for word in words if word.isidentifier()][:MOST]
    lines = text.strip("\n").split("\n") if text else []
    values: list[str] = []
    if name in ("mapfile", "readarray") or any(word[:1] == "-" and "a" in word for word in words):
        for variable in names[-1:]:
            if len(lines) == 1 and lines[0]:
                parameters.set_array(variable, lines[0].split()[:MOST] if name == "read" else lines)
            else:
                parameters.forget(variable)
        return
    if name == "read" and len(lines) == 1 and names:
        values = lines[0].split(None, len(names) - 1)
    for number, variable in enumerate(names):
        if values:
            parameters.set(variable, values[number] if number < len(values) else "")
        else:
            parameters.forget(variable)
