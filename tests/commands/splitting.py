"""A stand-in for the shells until they are on main: quotes, pipes, redirections, here-documents, nothing else."""

import re
import shlex

from exfilwatch.commands.command import Command, Undoing, program
from exfilwatch.commands.shells import cmd, powershell

_HERE = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?(.*)\n((?:.*\n)*?)\1\b")
_INNER = {"sh", "bash", "zsh", "dash", "ksh"}
_WRAP = {"sudo", "timeout", "nohup", "busybox", "env"}
_ENDS = ("&&", ";", "||", "&", "(", ")")


def commands_of(line: str, image: str, language: str = "") -> list[Command]:
    if language == "powershell":
        found = powershell.commands(line, Undoing())
        for command in found:
            command.language = language
        return found
    if "\\" in image:
        return cmd.commands(line, Undoing())
    if "\n" in line and image and program(image) not in _INNER:
        first, _, typed = line.partition("\n")
        return [Command(shlex.split(first), raw=first, text=typed)]
    texts: list[str] = []

    def here(match: re.Match[str]) -> str:
        texts.append(match[3])
        return f"<<< HERE{len(texts) - 1} {match[2]}\n"

    line = _HERE.sub(here, line)
    parts = [line] if re.search(r"['\"][^'\"]*[;\n]", line) else re.split(r"\n|(?<!\\);", line)
    return [command for part in parts for command in _one(part, texts)]


def _one(part: str, texts: list[str]) -> list[Command]:
    lexer = shlex.shlex(part, posix=True, punctuation_chars="|&<>();")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[Command] = []
    now, piped = Command([]), list[Command]()
    tokens = iter([*lexer, ";"])
    for token in tokens:
        if token in ("|", "|&") or token in _ENDS:
            now.piped, now.raw = list(piped), part
            found += (done := _inner(now))
            piped = [*piped, *done] if token not in _ENDS else []
            now = Command([])
        elif token in ("<", ">", ">>", "<<<", "<>", ">&"):
            if now.words and now.words[-1] in ("0", "1", "2"):
                now.words.pop()
            name = next(tokens)
            if token == "<":
                now.reads = name
            elif token == "<<<":
                now.text = texts[int(name[4:])] if name.startswith("HERE") else name.removeprefix("$")
            else:
                now.writes.append(name)
        else:
            now.words.append(token)
    return found


def _inner(command: Command) -> list[Command]:
    while command.words and program(command.words[0]) in _WRAP:
        del command.words[0]
    if command.piped and command.piped[-1].program in ("echo", "printf"):
        command.text = " ".join(command.piped[-1].words[1:])
    if command.program in _INNER and "-c" in command.words:
        return commands_of(command.words[command.words.index("-c") + 1], "")
    return [command] if command.words or command.writes else []
