"""A stand-in for the shells until they are on main: quotes, pipes, redirections, here-documents, nothing else."""

import re
import shlex

from exfilwatch.commands.command import Command, program

_HERE = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?(.*)\n((?:.*\n)*?)\1\b")
_INNER = {"sh", "bash", "zsh", "dash", "ksh"}
_WRAP = {"sudo", "timeout", "nohup", "busybox", "env"}


def commands_of(line: str, image: str) -> list[Command]:
    texts: list[str] = []

    def here(match: re.Match[str]) -> str:
        texts.append(match[3])
        return f"<<< HERE{len(texts) - 1} {match[2]}\n"

    line = _HERE.sub(here, line)
    found: list[Command] = []
    piped: list[Command] = []
    for part in re.split(r"\n|(?<!\\);", line) if not re.search(r"['\"][^'\"]*[;\n]", line) else [line]:
        lexer = shlex.shlex(part, posix=True, punctuation_chars="|&<>();")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words: list[str] = []
        reads, text, writes = "", None, []
        tokens = list(lexer)
        at = 0

        def done() -> None:
            nonlocal words, reads, text, writes
            while words and program(words[0]) in _WRAP:
                del words[0]
            if words and program(words[0]) in _INNER and "-c" in words:
                found.extend(commands_of(words[words.index("-c") + 1], ""))
            elif words or writes:
                found.append(Command(words, part, reads, text, writes, list(piped)))
            words, reads, text, writes = [], "", None, []

        while at < len(tokens):
            token = tokens[at]
            at += 1
            if token in ("|", "|&"):
                done()
                piped.append(found[-1])
            elif token in ("&&", ";", "||", "&", "(", ")"):
                done()
                piped = []
            elif token in ("<", ">", ">>", "<<<", "<>", ">&"):
                if words and words[-1].isdigit():
                    words.pop()
                name = tokens[at] if at < len(tokens) else ""
                at += 1
                if token == "<":
                    reads = name
                elif token == "<<<":
                    text = texts[int(name[4:])] if name.startswith("HERE") else name.removeprefix("$")
                else:
                    writes.append(name)
            else:
                words.append(token)
        done()
        piped = []
    for each in found:
        if each.piped and each.piped[-1].program in ("echo", "printf"):
            each.text = " ".join(each.piped[-1].words[1:])
    return found
