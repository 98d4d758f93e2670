"""What has to stand in a command line for it to do anything, for those who can't read it: queries of search engines.

It is what acting.py looks for, put in words and in a few expressions (needle.py says in which syntax), since
a query is short. A program whose name is rare is asked for by its name alone; one that starts all the time (`git`,
`net`, `powershell`), by what else has to stand in its line. Never narrower than what command lines are understood to
do, often wider.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.commands.acting import by_option
from exfilwatch.commands.reading import known_tools
from exfilwatch.commands.speaking import asked_for, is_active
from exfilwatch.commands.tool import Tool, catalogue
from exfilwatch.commands.wrappers import Wrapper, wrappers
from exfilwatch.detection.pattern import Pattern
from exfilwatch.siem.queries.globs import globs
from exfilwatch.siem.queries.needle import literal

_FREQUENT = frozenset(
    """
    reg net net1 git docker podman kubectl ls dir where forfiles az gh npm yarn pnpm cargo gem code certutil
    curl wget cp cat tar gtar bsdtar copy xcopy robocopy move type print for
    """.split()  # noqa: SIM905 (as a list it fills the page)
)
"""Programs that start all the time on ordinary machines, and that say in their lines when they do something."""
_INTERPRETERS = ("php*", "python*", "py", "pypy*", "pythonw*", "node", "perl*", "ruby*")
_BUILT_IN = ("copy", "dir", "for", "move", "print", "type")
"""Names that shells have of their own, and that stand in many lines as words."""
_OFTEN = frozenset(
    [
        "access",
        "client",
        "command",
        "copy",
        "data",
        "dev",
        "encode",
        "exe",
        "file",
        "form",
        "get",
        "head",
        "host",
        "http",
        "https",
        "log",
        "more",
        "move",
        "post",
        "print",
        "put",
        "run",
        "script",
        "security",
        "sort",
        "start",
        "system",
        "time",
        "view",
    ]
)
"""Words that stand in many lines, and are no names there."""
_LISTED = frozenset(["Where-Object", "Select-String"])
"""Cmdlets that say something only of what another one lists, which is asked for already."""
BLANKS = " \t\n\r\f\v"
_W, _S, _B = "A-Za-z0-9_", BLANKS, BLANKS + "\\\"'=\\(,;"
"""In a class: what words are made of, blanks, and what stands before a word."""
ANYWHERE = (
    "[^\x00-\x7f]",  # letters of other alphabets, which may look like these
    r"\&(gt|lt|amp|quot)\;",
    rf"""[{_W}\-][\"']+[{_W}\-]|[^{_S}\"'=\(,][\"']+[^{_S}\"'\),;\|\&\]]|\^""",  # speaking.QUOTED
    "\n",
    r"\/dev\/(tc|ud)p\/",
)
"""What shows in any line that more may be meant than its words."""
_CMD = (
    r"[\^!]",
    rf"[<>][{_S}]*\"?[\\/][\\/]",
    rf"%[^%{_S}]+%[{_W}%]|[{_W}%]%[^%{_S}]+%|%[{_W}]+\:",
    rf"[{_W}]\"+[{_W}]",
    "call[^%]*%",
)
_POSIX = (
    rf"[<>][{_S}]*\/dev\/",
    rf"\\[{_W}" + "\n]",
    rf"[{_W}\.]['\"]+[{_W}]|['\"][{_W}]['\"]",
    rf"\$[\{{'\"@\*0-9]|[{_W}]\$[{_W}\(]|\$[{_W}]+\$",
    rf"[{_W}]``|``[{_W}]",
    rf"\{{[{_W}\.\/\-]*,|[\?\*\[][{_W}]|[{_W}][\?\*\[]",
)
_POWERSHELL = (r"[`\(\$@\+>\{%\[]", rf"[\&\.][{_S}]*[\"'\\]", rf"[{_S}][\-\/](e|ec|en|enc[a-z]*)[{_S}:]")
_CODE = (rf"[{_S}\"'][\-\+][A-Za-z]", rf"[{_S}\"']\-\-[EePpRr]", r"[\|<]")
"""An interpreter is given code, or told where to get it."""
_ATTACHED_SIGNS = (rf"(d|n|ir|sl)[{_S}]+[\"']?https?\:",)
_ATTACHED = ("use", "subst", "psdrive", "ndr", "smbmapping", "curlftpfs", "wdfs", "sshfs", "mapnetworkdrive")
"""What gives drives and folders to other hosts: the commands after it name these alone."""
_POSIX_WORDS = tuple(
    """
    base64 base32 xxd rev tr printf eval alias openssl ztcp tcp coproc exec source gunzip zcat awk sed fifo
    """.split()  # noqa: SIM905
)
_POWERSHELL_WORDS = tuple(
    """
    join replace frombase64string iex expression cmd process saps gzip deflate wsl bash sh mshta wscript cscript
    rundll32 wmic forfiles schtasks win32_process shellexecute
    """.split()  # noqa: SIM905
)


class Said(NamedTuple):
    """Words (whole, and how they begin) and expressions of which one stands in a line; `cased`: expressions that count
    with regard to upper and lower case."""

    words: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    cased: tuple[str, ...] = ()


class Asking(NamedTuple):
    """Programs, and what has to stand in their lines: each of some; none: nothing else. `shells`: only these know them.
    `alone`: the names stand in many lines as other words.
    """

    programs: tuple[str, ...]
    said: tuple[Said, ...] = ()
    shells: tuple[str, ...] = ()
    alone: bool = False


class Needles(NamedTuple):
    """All of it. `originals`: what else programs are called in their files; `disguised`: what gives tools away under
    other names, of each group something."""

    asking: tuple[Asking, ...]
    originals: tuple[str, ...]
    disguised: tuple[tuple[Said, ...], ...]


@lru_cache(1)
def needles() -> Needles:
    """Those of the catalogue that comes along."""
    tools = [tool for tool in catalogue() if is_active(tool) and tool.name not in _LISTED]
    exact, patterns = wrappers()
    asking = [
        *_asking([tool for tool in tools if tool.syntax != "powershell"]),
        *_running([*exact.items(), *patterns], tools),
    ]
    return Needles(
        tuple(asking),
        tuple(
            dict.fromkeys([*known_tools().originals, *(f"{name}{end}" for name in exact for end in (".exe", ".dll"))])
        ),
        tuple(_disguised(tools)),
    )


def _asking(tools: Sequence[Tool], *, cmdlets: bool = False) -> Iterator[Asking]:
    """Programs by what they are asked for with; those for which the name is enough come first."""
    of: dict[str, dict[str, None]] = {}
    for tool in tools:
        for name in tool.programs:
            if name != "*" and name not in _BUILT_IN and name not in _INTERPRETERS:
                asked = asked_for(tool, within=True) if cmdlets or name in _FREQUENT else ""
                of.setdefault(name, {}).update(dict.fromkeys(alternatives(asked)))
    always: list[str] = []
    by_said: dict[Said, list[str]] = {}
    for name, needed in of.items():
        said = None if "" in needed else told(needed)
        if said is None:
            always.append(name)
        else:
            by_said.setdefault(said, []).append(name)
    yield Asking(tuple(name for name in always if name not in _OFTEN and len(name) > 1))
    yield Asking(tuple(name for name in always if name in _OFTEN or len(name) == 1), (), (), alone=True)
    yield from (Asking(tuple(names), (said,)) for said, names in by_said.items())


def _running(known: Sequence[tuple[str, Wrapper]], tools: Sequence[Tool]) -> Iterator[Asking]:
    """Programs that run others."""
    kinds: dict[str, list[str]] = {}
    for name, each in known:
        if by_option(each):
            yield Asking((name,), (Said(signs=tuple(map(literal, each.option))),))
        elif each.runs != "nothing":
            kind = "code" if each.language else str(each.shell) or ("cmd" if each.runs == "line" else "words")
            kinds.setdefault(f"first {kind}" if kind == "code" and each.first else kind, []).append(name)
    cmdlets = [tool for tool in tools if tool.syntax == "powershell"]
    said = {
        "powershell": (
            Said((*_POWERSHELL_WORDS, *_ATTACHED), ("python", "mount", "invoke-exp"), _POWERSHELL + _ATTACHED_SIGNS),
        ),
        "cmd": (Said((*_ATTACHED, *_BUILT_IN), ("mount",), _CMD + _ATTACHED_SIGNS),),
        "posix": (Said((*_POSIX_WORDS, *_ATTACHED, *_BUILT_IN[:-1]), ("mount",), _POSIX + _ATTACHED_SIGNS),),
        "words": (Said(signs=(r"[\$\^`]",)),),
        "code": (Said(signs=_CODE),),
        "first code": (),
    }
    yield from (Asking(tuple(names), said[kind]) for kind, names in kinds.items())
    # Cmdlets stand in lines of PowerShell, or of what starts it.
    shells = tuple(kinds["powershell"])
    for asking in _asking(cmdlets, cmdlets=True):
        yield Asking(asking.programs, asking.said, shells)


def told(expressions: Iterable[str]) -> Said | None:
    """Words and signs of which one stands wherever one of the expressions matches; None: they say too little."""
    words: dict[str, None] = {}
    begins: dict[str, None] = {}
    signs: dict[str, None] = {}
    cased: dict[str, None] = {}
    for each in expressions:
        if found := _LETTER.fullmatch(each):
            signs[rf"[\-\/]{found['letter']}"] = None
        elif _SUBSTITUTED in each:
            signs.update(dict.fromkeys([r"\$\(", "`"]))
        elif found := _SHORT.fullmatch(each):
            cased[rf"\-[{_W}\#]*{found['letter']}"] = None
        elif found := _BUNDLED.fullmatch(each):
            cased[rf"[{_S}\"'][{_W}\#]*{found['letter']}"] = None
        elif found := _WORD.fullmatch(each):
            words.update(dict.fromkeys(_word(found["word"]).split()))
        elif found := _OPTIONS.fullmatch(each):
            words.update(dict.fromkeys(found["names"].lower().split("|")))
        elif (found := _BEGINS.fullmatch(each)) and len(_word(found["word"])) > 2:
            plain = re.sub(r"\\(.)", r"\1", found["word"]).lower()
            longest = _word(found["word"])
            (begins if plain.endswith(longest) else words)[longest] = None
        else:
            literals = _literals(each)
            if not literals:
                return None
            signs.update(dict.fromkeys(literals))
    if len(signs) > _MOST:
        return None
    return Said(tuple(words), tuple(begins), tuple(signs), tuple(cased))


_MOST = 12
"""Signs of one question: an expression of more takes longer than to look at all that comes without it."""
_LETTER = re.compile(r"\[-/\](?P<letter>\w)")
_SUBSTITUTED = r"(?:\$\(|`)"
"""What a shell puts in stands there, whatever it is."""
_SHORT = re.compile(r"\(\?:\^\|\[\\s\\\"'\]\)-\[\\w#\]\*\(\?-i:(?P<letter>\w)\)")
_BUNDLED = re.compile(r"\(\?:\^\|\[\\s\\\"'\]\)\[\\w#\]\*\(\?-i:(?P<letter>\w)\)")
_WORD = re.compile(r"\\b(?P<word>\w[\w\\-]*)\\b")
_OPTIONS = re.compile(r"-\(\?:(?P<names>[\w|]+)\)\(\?:\$\|\[\^\\w-\]\)")
_BEGINS = re.compile(r"(?:\[-/\]|(?:\\?-){1,2})(?P<word>\w(?:\w|\\?-)+)")


def _word(text: str) -> str:
    """The longest part of an expression of words with hyphens."""
    return max(text.replace("\\", "").lower().split("-"), key=len)


def _literals(expression: str) -> list[str]:
    """Of which one stands wherever an expression matches, as expressions; none: they say too little."""
    found = [max(glob.literals, key=len, default="") for glob in globs(Pattern(f"(?is){expression}")) or ()]
    telling = all(len(each) > 1 or each in "%$`^!{" for each in found) and all(found)
    return [literal(each.lower()) for each in dict.fromkeys(found)] if telling else []


def alternatives(expression: str) -> list[str]:
    """What stands between the bars of an expression that are in no group."""
    parts, depth = [""], 0
    for piece in _PIECES.findall(expression):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\]", re.DOTALL)


def _disguised(tools: Iterable[Tool]) -> Iterator[tuple[Said, ...]]:
    """Texts of which one stands in the line of a tool that has such, and what stands in those of others."""
    texts: dict[str, None] = dict.fromkeys(hint for tool in tools for hint in tool.hints if not tool.languages)
    for tool in tools:
        if tool.renamed and tool.name not in _APART:
            texts.update(dict.fromkeys(tool.disguised))
    yield (_texts(texts),)
    yield from _APART.values()


def _texts(texts: Iterable[str]) -> Said:
    """Texts by a word that they hold, where it begins and says enough, else as they are."""
    words: dict[str, None] = {}
    begins: dict[str, None] = {}
    signs: dict[str, None] = {}
    for text in texts:
        found = max(_BEGUN.finditer(text), key=lambda each: len(each["word"]), default=None)
        if found is None or found["word"] in _OFTEN:
            signs[literal(text)] = None
        elif found["end"]:
            words[found["word"]] = None
        else:
            begins[found["word"]] = None
    return Said(tuple(words), tuple(begins), tuple(signs))


_CUTS = r"""\\/"()\[\]{}<>|&+=*?!@#$%^`~ -"""
_BEGUN = re.compile(rf"(?<=[{_CUTS}])(?P<word>[a-z][a-z0-9]{{2,}})(?P<end>[{_CUTS}])?(?![a-z0-9_.:'])")
_HOST = rf"[{_B}]([A-Za-z0-9\-]+\.[A-Za-z0-9]|localhost|[0-9a-fA-F]*\:[0-9a-fA-F]|\$)"
_APART: dict[str, tuple[Said, ...]] = {
    "ftp": (Said(("mput", "put", "send", "append")), Said(signs=(_HOST,))),
    "netcat": (
        Said(
            begins=("exe", "sen"),
            signs=(rf"[{_S}\"']\-[{_W}\#]*([ecqNwvnECQnWV]([^A-Za-z]|[{_W}]+=))", r"[<\|]", r"\-\-sh\-"),
        ),
        Said(signs=(rf"{_HOST}[^{_S}]*[{_S}]+([^{_S}]+[{_S}]+)?[\"']?[0-9]",)),
    ),
    "xcopy": (
        Said(signs=(rf"[{_B}](\\\\[{_W}\$%\?\.]|\/\/[{_W}\$%\?\.\-]+[\/\\])",)),
        Said(signs=(rf"[{_B}]([A-Za-z]\:|[%\.\$])",)),
    ),
    "ConfigSecurityPolicy": (Said(signs=(rf"\.[A-Za-z0-9\*\?]+[\"']?[{_S}]+https?\:",)),),
    "WinSCP": (
        Said(begins=("command", "script", "upload", "synchronize", "keepuptodate")),
        Said(("sftp", "scp", "ftp", "ftps", "ftpes", "dav", "davs", "s3"), signs=(r"\/(script|ini|log)=",)),
    ),
}
"""Of tools that have no such texts, or very common ones."""
