"""A command line as its author typed it: in a shell's language, or as the start of one program."""

import dataclasses
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from ..process_starts import Started, System  # noqa: TID252 (tests are no package on the path)

Shell = Literal["posix", "cmd", "powershell"]


@dataclasses.dataclass(frozen=True)
class Line:
    """What was typed into a shell. `image`: the file of the program, where the line is the start of one program.
    `folder`: where the programs are.
    """

    system: System
    shell: Shell
    text: str
    image: str = ""
    folder: str = "/usr/bin"

    def started(self) -> Started:
        """How the shell that is given the line is recorded."""
        match self.shell:
            case "posix":
                return Started("/usr/bin/bash", f"bash -c {self.text}", "/usr/sbin/sshd")
            case "cmd":
                text = f'"{self.text}"' if self.text.startswith('"') else self.text
                return Started(CMD, f"cmd.exe /c {text}", r"C:\Windows\explorer.exe")
        return powershell(self.system, "-Command", self.text)


CMD = r"C:\Windows\System32\cmd.exe"
POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"


def powershell(system: System, option: str, text: str) -> Started:
    """PowerShell, started with an option and its value: joined by blanks in Linux's and macOS' records, quoted in
    Windows' ones.
    """
    if system == "windows":
        written = subprocess.list2cmdline([text])
        return Started(POWERSHELL, f"powershell.exe -NoProfile {option} {written}", r"C:\Windows\explorer.exe")
    return Started("/usr/bin/pwsh", f"pwsh -NoProfile {option} {text}", "/usr/bin/bash")


Changed = str | Started | None
"""A text in the language of the line's shell, or what starts instead of it; None where it does not apply."""
Change = Callable[[Line], Changed]


class Transformation(NamedTuple):
    """A way to write a line so that its effect stays."""

    name: str
    change: Change

    def of(self, line: Line) -> Started | None:
        """How the changed line is recorded; None where nothing would be changed."""
        changed = self.change(line)
        if isinstance(changed, str):
            return None if changed == line.text else dataclasses.replace(line, text=changed).started()
        return changed


class Piece(NamedTuple):
    """A part of a script. `kind`: word (a whole unquoted word), command (one at a command's place), other."""

    text: str
    kind: Literal["word", "command", "other"]


_LEXED = {
    "posix": re.compile(
        r"""(?P<text>\$?'(?:[^']*)'|\$?"(?:[^"\\]|\\.)*"|\\."""
        r"""|\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$\{[^}]*\}|[$*?\[\]{}]+)"""
        r"""|(?P<operator>\d?[<>]+&?\d?|&>|[|&;()\n]+)|(?P<blank>[ \t]+)"""
        r"""|(?P<word>[^\s'"$\\`|&;()<>*?\[\]{}]+)|(?P<odd>.)""",
        re.DOTALL,
    ),
    "cmd": re.compile(
        r"""(?P<text>"[^"]*"?|\^.|%[^%\s]*%)|(?P<operator>\d?[<>]+&?\d?|[|&()\n]+)|(?P<blank>[ \t]+)"""
        r"""|(?P<word>[^\s"^%|&()<>]+)"""
        r"""|(?P<odd>.)""",
        re.DOTALL,
    ),
    "powershell": re.compile(
        r"""(?P<text>'(?:[^']|'')*'|"(?:[^"`]|`.|"")*"|\#[^\n]*|<\#.*?\#>|`.|[$@][\w:?]+|\[[\w.\[\], ]+\])"""
        r"""|(?P<operator>\d?[<>]+&?\d?|=|[|&;(){}\n]+)|(?P<blank>[ \t]+)"""
        r"""|(?P<word>[^\s'"`|&;(){}<>$@=\[\],]+)|(?P<odd>.)""",
        re.DOTALL,
    ),
}
_KEYWORDS = frozenset(
    """
    if then else elif fi for in do done while until case esac foreach function try catch return not exist
    @echo
    """.split()  # noqa: SIM905 (as a list it fills the page)
)
_LEADS_ON = frozenset(["do", "then", "else", "if", "while", "until", "return"])


def pieces(line: Line) -> Iterator[Piece]:
    """The parts of a script, up to a here-document; they make up the text. A word that quotes or expansions touch is
    none of the whole ones.
    """
    text, more = line.text, ""
    if line.shell == "posix" and (here := re.search(r"<<-?\s*['\"]?\w+['\"]?", text)) and "<<<" not in text:
        text, more = text[: here.start()], text[here.start() :]
    command, after_redirection = True, False
    found = list(_LEXED[line.shell].finditer(text))
    for at, each in enumerate(found):
        kind = each.lastgroup
        whole = all(
            found[near].lastgroup in ("blank", "operator") for near in (at - 1, at + 1) if 0 <= near < len(found)
        )
        said: Literal["word", "command", "other"] = "other"
        if kind == "operator":
            after_redirection = ">" in each[0] or "<" in each[0]
            command = command if after_redirection else True
        elif kind == "word" and whole and command and each[0] in _KEYWORDS:
            command = each[0] in _LEADS_ON
        elif kind == "word" and whole and command and "=" in each[0] and line.shell == "posix":
            pass
        elif kind != "blank":
            if kind == "word" and whole:
                said = "command" if command and not after_redirection else "word"
            if not after_redirection:
                command = False
            after_redirection = False
        yield Piece(each[0], said)
    if more:
        yield Piece(more, "other")


def commands(line: Line, change: Callable[[str], str], before: str = "") -> str | None:
    """The line with the programs that it names changed; None where it names none as a plain word."""
    found = list(pieces(line))
    if not any(each.kind == "command" for each in found):
        return None
    return before + "".join(change(each.text) if each.kind == "command" else each.text for each in found)


def words(line: Line, change: Callable[[str], str]) -> str:
    """The line with its plain words changed."""
    return "".join(change(each.text) if each.kind != "other" else each.text for each in pieces(line))


def first(line: Line, change: Callable[[str], tuple[str, str]]) -> str | None:
    """The line with its first program changed: `change` gives what goes before the line, and the word instead."""
    found = list(pieces(line))
    at = next((at for at, each in enumerate(found) if each.kind == "command"), None)
    if at is None:
        return None
    before, word = change(found[at].text)
    return before + "".join(each.text for each in (*found[:at], Piece(word, "command"), *found[at + 1 :]))


def simple(line: Line) -> list[str] | None:
    """The words of a line that is one command of plain words; None else."""
    found = list(pieces(line))
    if not found or found[0].kind != "command":
        return None
    if any(each.kind == "other" and each.text.strip(" \t") for each in found):
        return None
    return [each.text for each in found if each.kind != "other"]
