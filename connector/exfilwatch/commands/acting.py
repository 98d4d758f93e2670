"""Whether a command line may do anything that rules ask for: a cheap look at it before it is understood.

It never says no where `understood` would come to an upload, an offer, a tunnel, an archive or a search. A program of
the catalogue needs a word of what it is asked to do in its line; a shell or an interpreter the name or a hint of a
tool with such a word (speaking.py), or marks of hiding; any other program what gives a renamed one away.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeGuard

from exfilwatch.commands.command import Undoing, program
from exfilwatch.commands.expression import Several, clues
from exfilwatch.commands.named import ORDINARY
from exfilwatch.commands.reading import Catalogue, known_tools
from exfilwatch.commands.shells import powershell
from exfilwatch.commands.speaking import (
    QUOTED,
    Speaking,
    anywhere,
    asked_for,
    is_active,
    one,
    option,
    selected,
)
from exfilwatch.commands.tool import Tool
from exfilwatch.commands.wrappers import Wrapper, wrapper

_CMD_MARKS = (
    r"""[\^!]|[<>]\s*"?[\\/]{2}|%[^%\s]+%[\w%]|[\w%]%[^%\s]+%|%\w+:|\w"+\w|\bfor\s|\bcall\b[^%]*%|&lt;|&gt;|&amp;"""
)
_POSIX_MARKS = (
    r"""[<>]\s*/dev/|\\[\w\n]|[\w.]['"]+\w|['"]\w['"]|\$\{|\$['"@*\d]|\w\$[\w(]|\w``|``\w|\$\w+\$|\{[\w./-]*,|[?*\[]\w|\w[?*\[]"""
    r"""|\b(?:base64|base32|xxd|rev|tr|printf|eval|alias|openssl|ztcp|tcp|coproc|exec|source|gunzip|zcat|awk|sed|fifo)\b"""
)
_POWERSHELL_MARKS = (
    r"""[`]|['"]\s*\+|\+\s*['"]|-join|-f\s*['"$(]|\[char|frombase64|\s[-/\x{2013}\x{2014}\x{2015}](?:e|ec|en|enc[a-z]*)\s|\biex\b|invoke-exp"""
    r"""|[&.]\s*\\?[('"$]|-c?replace|\.replace|\[array\]|\$\w+\[|gzip|deflate|\bcmd\b|start-process|\bsaps\b|>\s*['"]?[\\/]{2}|\.split"""
    r"""|::start|\.run\b|\.exec\b|\.create\b|win32_process|shellexecute|alias:"""
    r"""|\b(?:wsl|bash|sh|python\S*|mshta|wscript|cscript|rundll32|wmic|forfiles|schtasks)\b"""
)
_CODE_MARKS = (
    r"""base64|b64|chr\(|\\x|\\u|exec|eval|compile|__import__|import_module|system|popen|subprocess|spawn|child_process|rot13"""
    r"""|getline|spawn|reverse|\d+e\s|[;{$/]\s*e\s|:!|["'\s]!|--eval"""
    r"""|fromhex|unhexlify|decode|reverse|vbscript|javascript|activex|createobject|shell"""
)
_CODE = r"\s-[cerE]\s.*(?:\bimport\b|\bfrom\b|\buse\b|\brequire\b|\bfetch\b|\$\w|=>|\bputs\b|\.new\b|;)"
_KNOWN = 20_000
_LONGEST_NAME = 260
"""Characters of a program's path up to which what is known of it is kept."""
_ORDINARY = frozenset(path.lower() for path in ORDINARY)
_ENCODED = re.compile(r"\s[-/](?:e|ec|en|enc[a-z]*)[\s:]", re.IGNORECASE)
_READ_AS_ASCII = re.compile(r"[\u0130\u017f\u1680\u2000-\u200a\u2010-\u201f\u2028\u2029\u202f\u205f\u212a\u3000]")
"""Blanks, dashes, quotes and letters that PowerShell, or lower-casing, takes for ASCII ones."""
_BLANKS = {0x85: " ", 0xA0: " "}


class _Look(NamedTuple):
    """What is known of a program. `always`: it may do something whatever its line; else one of `asked` stands there, or
    one of `options`, if it has any, and what `shell` may do."""

    name: str
    known: bool = False
    ordinary: bool = False
    runs: Wrapper | None = None
    always: bool = False
    asked: Several | None = None
    options: Several | None = None
    shell: Speaking | None = None

    def found_in(self, line: str) -> bool:
        """Whether a line, without the program's name, has a word of what it may do."""
        if self.always or (self.asked and self.asked.given(line)):
            return True
        return self.shell is not None and not (self.options and not self.options.given(line)) and self.shell.may(line)


class Acting:
    """The cheap look, of all tools of the catalogue."""

    def __init__(self, tools: Catalogue) -> None:
        self._tools = tools
        marks = {"powershell": _POWERSHELL_MARKS, "posix": _POSIX_MARKS, "cmd": _CMD_MARKS, "code": _CODE_MARKS}
        self._shells = {kind: Speaking(tools.tools, kind, mark) for kind, mark in marks.items()}
        self._shells["words"] = Speaking(tools.tools, "words", "[$^`]")
        self._looks: dict[str, _Look] = {}

    def is_ordinary(self, image: str) -> bool:
        """Whether a program is one of ORDINARY."""
        return self._look(image).ordinary

    def may(self, line: str, image: str = "", original: str = "") -> bool:
        """Whether the line of a program may do anything."""
        look = self._look(image)
        if look.ordinary:
            return False
        if not line.isascii() or ("&" in line and ("&gt;" in line or "&amp;" in line or "&quot;" in line)):
            return True
        if "/dev/tcp/" in line or "/dev/udp/" in line:
            return True
        word, rest = _cut(line)
        first = self._look(word)
        shell = look.shell if look.runs or not first.runs else first.shell
        if shell is self._shells["powershell"] and _ENCODED.search(rest):
            script = self._encoded(line)
            if script is not None:
                return shell.may(script) or (not script.isascii() and shell.may(script.translate(_BLANKS)))
        known = look.known
        if known and look.found_in(rest):
            return True
        if first.name and first.name != look.name:
            if first.known and first.found_in(rest):
                return True
            if look.shell is not None and look.shell.may(line):  # its script alone
                return True
            known = known and first.known
        if (not image or "\n" in rest) and any(self._shells[kind].may(rest) for kind in ("posix", "cmd")):
            return True
        if original and (original.lower() in self._tools.originals or wrapper(program(original.removesuffix(".dll")))):
            return True
        return (not known or look.runs is not None) and self._disguised.may(rest)

    def script(self, text: str) -> bool:
        """Whether a script of PowerShell may do anything."""
        return not text.isascii() or self._shells["powershell"].may(text) or self._disguised.spoken_of(text)

    def _encoded(self, line: str) -> str | None:
        """The script that a line gives PowerShell encoded; None when it gives none, or one to look at more closely."""
        undoing = Undoing()
        script = powershell.script_of(line, undoing)
        return script if undoing.bounds.steps and not _READ_AS_ASCII.search(script) else None

    def _look(self, word: str) -> _Look:
        """What is known of a program by its path, or as a line names it."""
        found = self._looks.get(word)
        if found is None:
            found = self._looked(word)
            if len(word) <= _LONGEST_NAME:
                if len(self._looks) >= _KNOWN:
                    self._looks.clear()
                self._looks[word] = found
        return found

    def _looked(self, word: str) -> _Look:
        name = program(word)
        # What is started is no cmdlet, whatever its name.
        tools = [tool for tool in self._tools.named(name) if is_active(tool) and tool.syntax != "powershell"]
        asked = [asked_for(tool) for tool in tools]
        runs = wrapper(name)
        shell = None
        if runs is not None:
            kind = "code" if runs.language else runs.shell or ("cmd" if runs.runs == "line" else "words")
            shell = self._shells[kind]
        return _Look(
            name,
            known=bool(asked) or runs is not None,
            ordinary=word.lower() in _ORDINARY,
            runs=runs,
            always=not all(asked),
            asked=one("|".join([*dict.fromkeys(asked), QUOTED])) if asked and all(asked) else None,
            options=one("|".join([*map(re.escape, runs.option), QUOTED])) if by_option(runs) else None,
            shell=shell,
        )

    @cached_property
    def _disguised(self) -> "_Disguised":
        return _Disguised([tool for tool in self._tools.tools if tool.renamed])


class _Disguised:
    """What gives away tools under other names, and code that an interpreter under another name is given."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        hints: dict[str, list[Tool]] = {}
        for tool in tools:
            for hint in tool.disguised:
                hints.setdefault(hint, []).append(tool)
        always = [_rarest_first(tool) for tool in tools if not tool.disguised]
        self._certain = one(f"{_CODE}|{QUOTED}")
        self._code = one(_CODE)
        # One look for all of them, which most lines don't pass.
        self._any = one("|".join([_CODE, QUOTED, *map(re.escape, hints), *(each[0] for each in always)]))
        self._any_spoken_of = one("|".join([_CODE, *map(re.escape, hints), *(each[0] for each in always)]))
        self._hints = clues(list(hints))
        self._hinted = [[_needed(tool) for tool in each] for each in hints.values()]
        self._always = [_needed(tool) for tool in tools if not tool.disguised]

    def may(self, line: str) -> bool:
        """Whether a line, without the program's name, may be that of one of them."""
        return bool(self._any.given(line)) and (bool(self._certain.given(line)) or self._named(line))

    def spoken_of(self, text: str) -> bool:
        """Whether one of them stands somewhere in a text, with its options as they are."""
        return bool(self._any_spoken_of.given(text)) and (bool(self._code.given(text)) or self._named(text))

    def _named(self, line: str) -> bool:
        hinted = (each for number in self._hints.given(line) for each in self._hinted[number])
        return any(all(part.given(line) for part in each) for each in (*self._always, *hinted))


def _needed(tool: Tool) -> Sequence[Several]:
    """What all has to be found in the line of a tool under another name."""
    return list(map(one, _rarest_first(tool)))


def _rarest_first(tool: Tool) -> Sequence[str]:
    """The expressions of it: those of options, then the last first, as the catalogue has them."""
    found = list(_given_away(tool))[::-1]
    return [text for text, _ in sorted(found, key=lambda each: not each[1])]


@lru_cache(1)
def acting() -> Acting:
    """The look for the catalogue that comes along."""
    return Acting(known_tools())


def _cut(line: str) -> tuple[str, str]:
    """The word of the program that a line begins with, and what stands after it."""
    line = line.lstrip()
    end = '"' if line[:1] == '"' else "'" if line[:1] == "'" else " "
    word, _, rest = line[1:].partition(end) if end != " " else line.partition(" ")
    return word, f" {rest}"


def by_option(runs: Wrapper | None) -> TypeGuard[Wrapper]:
    """Whether a program runs others only where one of its options, by its whole name, says so."""
    if runs is None or not runs.option or runs.first or runs.input or runs.after or runs.runs != "script":
        return False
    return all(each.startswith("--") for each in runs.option)


def _given_away(tool: Tool) -> Iterator[tuple[str, bool]]:
    """Expressions that all have a match in the line of a tool under another name, each with whether options give it."""
    for selector in tool.renamed:
        found = selected(tool, selector, options=True)
        if found and tool.leading:
            yield "|".join(rf"(?:^|[\s\"'])-?[\w#]*(?-i:{re.escape(name[1:])})" for name in selector.option), True
        elif found and tool.syntax == "getopt":
            yield "|".join(_alone(tool, name) for name in selector.option), True
        elif found:
            yield found, bool(selector.option)
        elif selector.option and selector.input:
            yield "|".join([*(_alone(tool, name) for name in selector.option), r"[<|\n]"]), True
        elif selector.like and not selector.option:
            yield anywhere(selector.like), False


def _alone(tool: Tool, name: str) -> str:
    """An expression of a short option that ends its bundle, or is followed by what is no letter, or by `name=`."""
    if len(name) != 2:
        return option(tool, name)
    return rf"(?:^|[\s\"'])-[\w#]{{0,6}}(?-i:{re.escape(name[1:])})(?:$|[^a-z]|\w+=)"
