"""Whether a command line may do anything that rules ask for: a cheap look at it before it is understood.

It never says no where `understood` would come to an upload, an offer, a tunnel, an archive or a search. A program of
the catalogue needs a word of what it is asked to do in its line, a shell or an interpreter a hint of a tool or marks of
hiding, any other program what gives a renamed one away.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import re2

from exfilwatch.commands.command import program
from exfilwatch.commands.expression import options, spelled
from exfilwatch.commands.reading import Catalogue, known_tools
from exfilwatch.commands.tool import Form, Selector, Selectors, Tool, several
from exfilwatch.commands.wrappers import wrapper, wrappers

PASSIVE = frozenset(["download", "extract", "mount", "schedule", "encode"])
"""What is not looked for."""
_QUOTED = r"""[\w-]["']+[\w-]|\^"""
_CMD_MARKS = r"""[\^!]|[<>]\s*"?[\\/]{2}|%[^%\s]+%[\w%]|[\w%]%[^%\s]+%|%\w+:|\w"+\w|\bfor\s|\bcall\b|&lt;|&gt;|&amp;"""
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
_KNOWN = 20_000
_SYSTEM = "ctfmon csrss conhost dllhost lsass RuntimeBroker services SearchIndexer sihost spoolsv svchost taskhostw"
ORDINARY = (
    *(f"C:\\Windows\\System32\\{name}.exe" for name in _SYSTEM.split()),
    r"C:\Windows\System32\backgroundTaskHost.exe",
    r"C:\Windows\System32\SearchProtocolHost.exe",
    r"C:\Windows\System32\SearchFilterHost.exe",
    r"C:\Windows\System32\wbem\WmiPrvSE.exe",
    r"C:\Windows\System32\audiodg.exe",
    r"C:\Windows\System32\wermgr.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Mozilla Firefox\firefox.exe",
)
"""Programs by their whole paths that start all the time, and of which no option sends, packs or looks for files. Only
who can replace the system's own files can hide behind one."""
_ORDINARY = frozenset(path.lower() for path in ORDINARY)


class _Search:
    """Whether an expression is found in a text: a set of one, for a search says where as well, which costs as much."""

    def __init__(self, expression: str) -> None:
        large = options(cased=False)
        large.max_mem = 64 << 20
        self._set = re2.Set.SearchSet(large)
        self._set.Add(expression)
        self._set.Compile()

    def search(self, text: str) -> bool:
        return bool(self._set.Match(text))


class _Look(NamedTuple):
    """What is known of a program: whether the catalogue or the wrappers know it, whether it runs others, and of what
    one has to be found in its line; of a known one nothing means that it may always do something."""

    name: str
    known: bool
    runs: bool
    ordinary: bool
    searches: tuple[_Search, ...]

    def found_in(self, line: str) -> bool:
        return not self.searches or any(search.search(line) for search in self.searches)


class Acting:
    """The cheap look, of all tools of the catalogue."""

    def __init__(self, tools: Catalogue) -> None:
        self._tools = tools
        names = _hinted(tools.tools, lambda languages: not languages)
        powershell = _hinted(tools.tools, lambda languages: not languages or "powershell" in languages)
        code = _hinted(tools.tools, lambda languages: "powershell" not in languages)
        self._shells = {
            "powershell": _compiled(f"{powershell}|{_POWERSHELL_MARKS}"),
            "posix": _compiled(f"{names}|{_POSIX_MARKS}"),
            "cmd": _compiled(f"{names}|{_CMD_MARKS}"),
            "code": _compiled(f"{code}|{_CODE_MARKS}"),
            "words": _compiled(f"{names}|[$^`]"),
        }
        self._code = _compiled(
            r"\s-[cerE]\s.*(?:\bimport\b|\bfrom\b|\buse\b|\brequire\b|\bfetch\b|\$\w|=>|\bputs\b|\.new\b|;)"
        )
        self._looks: dict[str, _Look] = {}
        self._needed: dict[int, Sequence[_Search]] = {}

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
        first, line = _cut(line)
        known = look.known
        if known and look.found_in(line):
            return True
        if first and first != look.name:
            again = self._look(first)
            if again.known and again.found_in(line):
                return True
            known = known and again.known
        if not image and any(self._shells[kind].search(line) for kind in ("posix", "cmd")):
            return True
        if original and (original.lower() in self._tools.originals or wrapper(program(original.removesuffix(".dll")))):
            return True
        return (not known or look.runs) and self._may_be_renamed(line)

    def script(self, text: str) -> bool:
        """Whether a script of PowerShell may do anything."""
        return not text.isascii() or self._shells["powershell"].search(text)

    def _look(self, image: str) -> _Look:
        """What is known of a program by its path."""
        found = self._looks.get(image)
        if found is None:
            if len(self._looks) >= _KNOWN:
                self._looks.clear()
            found = self._looks[image] = self._looked(image)
        return found

    def _looked(self, image: str) -> _Look:
        name = program(image)
        asked = [_asked(tool) for tool in self._tools.named(name) if _is_active(tool)]
        runs = wrapper(name)
        searches: list[_Search] = []
        if asked and all(asked):
            searches.append(_compiled(f"{'|'.join(dict.fromkeys(asked))}|{_QUOTED}"))
        if runs is not None:
            kind = "code" if runs.language else runs.shell or ("cmd" if runs.runs == "line" else "words")
            searches.append(self._shells[kind])
        known = bool(asked) or runs is not None
        always = bool(asked) and not all(asked)
        return _Look(name, known, runs is not None, image.lower() in _ORDINARY, () if always else tuple(searches))

    def _may_be_renamed(self, line: str) -> bool:
        if self._code.search(line):
            return True
        return any(
            all(each.search(line) for each in self._needed_of(tool)) for tool in self._tools.disguised.given(line)
        )

    def _needed_of(self, tool: Tool) -> Sequence[_Search]:
        """What all has to be found in the line of a tool under another name."""
        found = self._needed.get(id(tool))
        if found is None:
            found = self._needed[id(tool)] = [_compiled(f"{each}|{_QUOTED}") for each in _given_away(tool)]
        return found


@lru_cache(1)
def acting() -> Acting:
    """The look for the catalogue that comes along."""
    return Acting(known_tools())


def _cut(line: str) -> tuple[str, str]:
    """The plain name of the program that a line begins with, and what stands after it."""
    line = line.lstrip()
    end = '"' if line[:1] == '"' else "'" if line[:1] == "'" else " "
    word, _, rest = line[1:].partition(end) if end != " " else line.partition(" ")
    return program(word), f" {rest}"


@lru_cache(None)
def _compiled(text: str) -> _Search:
    return _Search(text)


def _is_active(tool: Tool) -> bool:
    return any(form.does not in PASSIVE for form in tool.forms)


def _asked(tool: Tool) -> str:
    """An expression of which a match stands in a tool's line for each form that rules ask for; "" when none is."""
    if tool.syntax == "powershell":
        return ""
    each = [_of_form(tool, form) for form in tool.forms if form.does not in PASSIVE]
    return "" if not all(each) else "|".join(dict.fromkeys(filter(None, each)))


def _of_form(tool: Tool, form: Form) -> str:
    if form.verb:
        return "|".join(rf"\b{re.escape(verb.split()[-1])}\b" for verb in form.verb)
    for selector in several(form.needs):
        if found := _of_selector(tool, selector):
            return found
    return _of_all(tool, form.source)


def _of_all(tool: Tool, selectors: Selectors) -> str:
    each = [_of_selector(tool, selector) for selector in several(selectors)]
    return "|".join(each) if all(each) else ""


def _of_selector(tool: Tool, selector: Selector) -> str:
    """An expression of the options that a selector names, when nothing else gives it a text."""
    others = selector.argument != "" or selector.input or selector.output or selector.piped or selector.word
    if not selector.option or others or selector.into or selector.code or selector.joined:
        return ""
    return "|".join(_of_option(tool, option) for option in selector.option)


def _of_option(tool: Tool, option: str) -> str:
    if option.startswith("--"):
        return re.escape(option[:5] if tool.abbreviated else option)
    name = option.lstrip("-/")
    if tool.syntax == "getopt" and len(name) == 1:
        bundle = rf"(?:^|[\s\"'])-[\w#]*(?-i:{re.escape(name)})"
        return rf"{bundle}|^\s*[\"']?[\w#]*(?-i:{re.escape(name)})" if tool.leading else bundle
    return re.escape(name) if tool.syntax != "getopt" else re.escape(option)


def _names(programs: Iterable[str]) -> str:
    return "|".join(re.escape(program.rstrip("*")) for program in dict.fromkeys(programs))


def _hinted(tools: Sequence[Tool], wanted: Callable[[Sequence[str]], bool]) -> str:
    """An expression of which a match stands in the line of a shell or an interpreter that runs a tool, by the names of
    programs, interpreters among them, and the hints of tools for these languages of code."""
    exact, patterns = wrappers()
    runners = [name for name, each in (*exact.items(), *patterns) if each.language or each.runs in ("script", "line")]
    programs = [program for tool in tools for program in tool.programs if program != "*"]
    texts = dict.fromkeys(text for tool in tools if wanted(tool.languages) for text in tool.hints)
    named = rf"""(?:^|[^\w.-])(?:{_names([*programs, *runners])})[\d.-]*(?:\.(?:exe|com))?(?:$|[\s"'`;|&){{}}<>])"""
    return "|".join([named, *map(re.escape, texts)])


def _given_away(tool: Tool) -> Iterator[str]:
    """Expressions that all have a match in the line of a tool under another name."""
    for selector in tool.renamed:
        found = _of_selector(tool, selector)
        if found and tool.leading:
            yield "|".join(rf"(?:^|[\s\"'])-?[\w#]*(?-i:{re.escape(option[1:])})" for option in selector.option)
        elif found and tool.syntax == "getopt":
            yield "|".join(_alone(tool, option) for option in selector.option)
        elif found:
            yield found
        elif selector.option and selector.input:
            yield "|".join([*(_alone(tool, option) for option in selector.option), r"[<|\n]"])
        elif selector.like and not selector.option:
            yield _anywhere(selector.like)


def _alone(tool: Tool, option: str) -> str:
    """An expression of a short option that ends its bundle, or is followed by what is no letter, or by `name=`."""
    if len(option) != 2:
        return _of_option(tool, option)
    return rf"(?:^|[\s\"'])-[\w#]{{0,6}}(?-i:{re.escape(option[1:])})(?:$|[^a-z]|\w+=)"


def _anywhere(like: str) -> str:
    """An expression on one word as one on a line of words."""
    cased = like.startswith("(?-i)")
    text = spelled(like.removeprefix("(?-i)")).replace("(?P<is>", "(?:")
    text = re.sub(r"(?<![\[\\])\^", r"""(?:^|[\\s"'=(,;])""", text)
    text = re.sub(r"(?<!\\)\$(?=[)|]|\Z)", r"""(?:$|[\\s"'),;])""", text)
    return f"(?-i:{text})" if cased else text
