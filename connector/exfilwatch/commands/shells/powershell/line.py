"""The command line of powershell.exe and pwsh: where the script is.

By about_PowerShell_exe and about_Pwsh: parameters by any prefix that is long enough, with `-`, `--`, `/` or a dash of
another kind; what is no parameter begins the command. Quotes are those of Windows' argument vectors.
"""

import re
from typing import Final

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.encoded import text_of, unbase64

_PROGRAM = re.compile(r'\s*(?:"[^"]*"|[^\s"]+)[^\s"]*')
_PARAMETER = re.compile(r"\s*(?:--?|[/\u2013\u2014\u2015])([A-Za-z?]+)(?::(?=[^\\])|(?=\s|$|[\"']))")
_ARGUMENT = re.compile(r'[ \t]*((?:[^ \t"\\]++|\\++"?|"(?:[^"\\]++|\\++"?|"")*+"?)++)')
_ESCAPED = re.compile(r'(\\+)"')
_HALF_ESCAPED = re.compile(r'(?<!\\)(?:\\\\)++"')
"""As in `dir \\"C:\\\\"`: the quotes were escaped, but not the backslash before one of them."""
_QUOTED = re.compile(r'((?:\\\\)*+)(\\?)"("?)|(\\+)')

_SWITCHES: Final = {
    "help": "h",
    "interactive": "i",
    "login": "l",
    "mta": "mta",
    "noexit": "noe",
    "nologo": "nol",
    "noninteractive": "noni",
    "noprofile": "nop",
    "noprofileloadtime": "noprofilel",
    "sshservermode": "ssh",
    "socketservermode": "so",
    "servermode": "se",
    "sta": "s",
    "namedpipeservermode": "nam",
}
_VALUED: Final = {
    "configurationfile": "configurationf",
    "configurationname": "config",
    "custompipename": "cus",
    "encodedarguments": "encodeda",
    "executionpolicy": "ex",
    "inputformat": "in",
    "outputformat": "o",
    "psconsolefile": "p",
    "removeworkingdirectorytrailingcharacter": "removew",
    "settingsfile": "settings",
    "version": "v",
    "windowstyle": "w",
    "workingdirectory": "wo",
}
_ALIASES: Final = {
    "ec": "encodedcommand",
    "ea": "encodedarguments",
    "ep": "executionpolicy",
    "if": "inputformat",
    "of": "outputformat",
    "wd": "workingdirectory",
    "cwa": "commandwithargs",
    "commandwithargs": "commandwithargs",
}
_SCRIPTS: Final = {"command": "c", "encodedcommand": "e", "file": "f"}


def script_of(line: str, undoing: Undoing) -> str:
    """What a powershell.exe or pwsh with this command line runs; "" if it reads its commands elsewhere."""
    program = _PROGRAM.match(line)
    at = program.end() if program else 0
    while found := _PARAMETER.match(line, at):
        at = found.end()
        kind = _parameter(found[1].lower())
        if kind == "encodedcommand":
            return _decoded(line, at, undoing)
        if kind in ("command", "commandwithargs"):
            return _command(line[at:].lstrip())
        if kind == "file":
            return _file(line, at)
        if kind == "":
            at = found.start()
            break
        if kind in _VALUED:
            value = _ARGUMENT.match(line, at)
            at = value.end() if value else at
    return _command(line[at:].lstrip())


def _parameter(name: str) -> str:
    """The whole name of a parameter that is written in short; "" if it is none."""
    if name in _ALIASES:
        return _ALIASES[name]
    for names in (_SCRIPTS, _VALUED, _SWITCHES):
        for full, shortest in names.items():
            if full.startswith(name) and name.startswith(shortest):
                return full
    return ""


def _decoded(line: str, at: int, undoing: Undoing) -> str:
    value = _ARGUMENT.match(line, at)
    data = unbase64(value[1].strip("\"'")) if value else None
    if data is None:
        return ""
    undoing.did("encoded command")
    return undoing.within(text_of(data)).lstrip("\ufeff")


def _command(rest: str) -> str:
    """The arguments with blanks between them, as PowerShell joins them to one script."""
    if rest in ("", "-"):
        return ""
    if '"' not in rest:
        return rest
    escaped = _ESCAPED.search(rest)
    if rest[0] != '"' and not escaped:
        return rest  # quotes that would be lost on the way to PowerShell were lost on the way to the record instead
    inside = rest[1:-1] if rest[0] == '"' == rest[-1] else rest
    if escaped and _HALF_ESCAPED.search(inside):
        return inside.replace('\\"', '"')
    return " ".join(map(unquoted, _ARGUMENT.findall(rest)))


def _file(line: str, at: int) -> str:
    """A call of the script file with its arguments."""
    words = _ARGUMENT.findall(line, at)
    if not words or words[0] == "-":
        return ""
    path = unquoted(words[0])
    called = f"& '{path}'" if re.search(r"[\s'&(){};]", path) else path
    return " ".join([called, *words[1:]])


def unquoted(word: str) -> str:
    """One argument without the quotes that Windows' argument vectors take off."""
    if '"' not in word:
        return word
    if "\\" not in word and word.count('"') == 2 and word[0] == '"' == word[-1]:
        return word[1:-1]
    inside = False

    def taken(found: "re.Match[str]") -> str:
        nonlocal inside
        if found[4]:
            return str(found[4])
        slashes = found[1][: len(found[1]) // 2]
        if found[2]:
            return slashes + '"' + ('"' if found[3] and not _toggle() else "")
        if found[3] and inside:
            return slashes + '"'
        if not found[3]:
            inside = not inside
        return str(slashes)

    def _toggle() -> bool:
        nonlocal inside
        inside = not inside
        return True

    return _QUOTED.sub(taken, word)
