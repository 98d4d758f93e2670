"""What the variable of a `for` goes through, where that can be told."""

import re
from collections.abc import Callable
from typing import Final

from exfilwatch.commands.command import Command
from exfilwatch.commands.shells.cmd import own

_LONGEST: Final = 2_000
_NUMBER = re.compile(r"[-+]?\d{1,9}")
_WORD = re.compile(r'"[^"]*"|[^\s",;=]+')
_CARET = re.compile(r"\^(.)")
_DELIMITERS = re.compile(r"delims=([^\"]*?)(?:\s+\w+=|\"|$)", re.IGNORECASE)
_TOKENS = re.compile(r"tokens=\s*\+?(\d{1,2}|\*)", re.IGNORECASE)
_SHELL = re.compile(r'[^"\n]{0,200}?/[ckr]', re.IGNORECASE)


def values(
    kind: str,
    options: str,
    text: str,
    run: Callable[[str], list[Command]],
    writes: Callable[[Command], str | None] = own.echoed,
) -> tuple[list[str], list[Command]]:
    """Of a `for` of that kind (d, f, l, r or none) over a text: the values, and the commands that it runs for them.
    `writes` tells what a command of the shell writes.

    The search through folders of a `for /r` counts as a command: `for /r FOLDER PATTERN...`.
    """
    if kind == "l":
        return _counted(text), []
    if kind == "f":
        return _lines(options, text, run, writes)
    if kind == "r":
        words = [word.strip('"') for word in ["for", "/r", options, *_WORD.findall(text)[:_LONGEST]] if word]
        return [], [Command(words, " ".join(words))]
    if kind or any(mark in text for mark in "*?%!$"):
        return [], []
    return [word.strip('"') for word in _WORD.findall(text)[:_LONGEST]], []


def _counted(text: str) -> list[str]:
    numbers = [int(each) for each in _NUMBER.findall(text)[:4]]
    if len(numbers) != 3 or not numbers[1]:
        return []
    first, step, last = numbers
    return list(map(str, range(first, last + (1 if step > 0 else -1), step)[:_LONGEST]))


def _lines(
    options: str, text: str, run: Callable[[str], list[Command]], writes: Callable[[Command], str | None]
) -> tuple[list[str], list[Command]]:
    """Of `for /f`: one token of the first line of a text, or of what an echo or a set writes."""
    command, string = ("`", "'") if "usebackq" in options.lower() else ("'", '"')
    body = text[1:-1] if len(text) > 1 else ""
    found: list[Command] = []
    if text.startswith(command) and text.endswith(command):
        found = run(_CARET.sub(r"\1", body))
        written = writes(found[-1]) if found else None
        if written is None:
            return [], found
        body = written
    elif not (text.startswith(string) and text.endswith(string)):
        return [], []
    delimiters, tokens = _DELIMITERS.search(options), _TOKENS.search(options)
    splitting = delimiters[1] if delimiters else " \t"
    if (tokens and tokens[1] == "*") or not splitting:
        return [body], found
    parts = [part for part in re.split("[" + re.escape(splitting) + "]+", body.split("\n")[0]) if part]
    number = int(tokens[1]) if tokens else 1
    return ([parts[number - 1]] if 0 < number <= len(parts) else []), found


def registered(body: str, name: str, commands: list[Command]) -> list[str]:
    """The program that a loop takes out of what Windows has registered (`assoc`, `ftype`), told by what it is given."""
    if not commands or not commands[0].words or not commands[0].words[0].lower().startswith(("assoc", "ftype", "set")):
        return []
    after = body.lstrip(" \t,;=@(")
    if not after.startswith(name):
        return []
    return ["cmd" if _SHELL.match(after) else "powershell"]
