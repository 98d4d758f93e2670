"""Whether the line of a shell, or code, speaks of a tool that may do something there: a part of the cheap look.

Two looks: one for the name or a hint of any tool, and marks of hiding; where it finds something, one for which tools
are named, and whether what each is asked to do stands in the line as well.
"""

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

from exfilwatch.commands.expression import Several, spelled
from exfilwatch.commands.named import PASSIVE
from exfilwatch.commands.tool import Form, Selector, Selectors, Tool, several
from exfilwatch.commands.wrappers import wrappers

QUOTED = r"""[\w-]["']+[\w-]|[^\s"'=(,]["']+[^\s"'),;|&\]]|\^"""
"""Quotes within a word, and carets: what is asked for may not stand there as it is."""
# What gives a command options that stand elsewhere: variables, and for cmdlets tables of parameters.
_VARIABLES = r"[$%]"
_TABLES = r"@[\w({]|psdefaultparameter"
_ATTACHED = (
    r"\b(?:net1?(?:\.exe)?[\"']?\s+[\"']?use|subst|new-psdrive|ndr|new-smbmapping|mount\w*|curlftpfs|wdfs|sshfs|MapNetworkDrive)\b"
    r"|\bopen\s+[^;&|]{0,40}(?:smb|afp|nfs|ftp|cifs)://"
    r"|\b(?:pushd|push-location|cd|chdir|set-location|sl)\s+[\"']?https?:"
)
"""What gives drives and folders to other hosts: the commands after it name these alone (drives.py, mounts.py)."""


class Speaking:
    """The look at lines of one kind: of `posix`, `cmd` or `powershell`, `code` of other languages, or `words`."""

    def __init__(self, tools: Sequence[Tool], kind: str, marks: str) -> None:
        """`marks`: an expression of what hides something."""
        self._kind = kind
        self._tools = [tool for tool in tools if is_active(tool) and self._has(tool)]
        exact, patterns = wrappers()
        runs = [name for name, each in (*exact.items(), *patterns) if each.language or each.runs in ("script", "line")]
        self._certain = f"{self._named(runs)}|{marks}|{_ATTACHED}"
        programs = [program for tool in self._tools for program in tool.programs]
        hints = dict.fromkeys(re.escape(hint) for tool in self._tools for hint in self._hints(tool))
        self._any = Several(["|".join([self._certain, self._named(programs), *hints])])

    def may(self, line: str) -> bool:
        """Whether the line, without the name of what it is given to, may do anything."""
        return bool(self._any.given(line)) and self._each.may(line)

    @cached_property
    def _each(self) -> "_Each":
        return _Each(self._certain, [(self._said(tool), self._asked(tool), _elsewhere(tool)) for tool in self._tools])

    def _has(self, tool: Tool) -> bool:
        """Whether a tool can be meant there."""
        return self._kind in ("powershell", "code") or tool.syntax != "powershell"

    def _hints(self, tool: Tool) -> Sequence[str]:
        """Those of a tool that stand in such lines."""
        spoken = {"powershell": not tool.languages or "powershell" in tool.languages}
        return tool.hints if spoken.get(self._kind, not tool.languages or self._kind == "code") else ()

    def _said(self, tool: Tool) -> str:
        named = [self._named(tool.programs)] if any(each != "*" for each in tool.programs) else []
        return "|".join([*named, *map(re.escape, self._hints(tool))])

    def _asked(self, tool: Tool) -> str:
        """What stands there as well; "" where nothing need."""
        return "" if self._kind == "code" or tool.languages else asked_for(tool, within=True)

    def _named(self, programs: Sequence[str]) -> str:
        """An expression of the names of programs."""
        names = "|".join(_globbed(program) for program in dict.fromkeys(programs) if program != "*")
        # After a slash that begins a word of cmd's stands an option, not a name.
        begins = r"^|[^\w./-]|[^\s\"'(,&|]/" if self._kind == "cmd" else r"^|[^\w.-]"
        return rf"""(?:{begins})(?:{names})[\d.-]*(?:\.(?:exe|com))?(?:$|[\s"'`;|&){{}}<>])"""


class _Each:
    """The second look, at the tools that are named."""

    def __init__(self, certain: str, tools: Sequence[tuple[str, str, str]]) -> None:
        """Of each tool: expressions of how it is named, of what it is asked to do, and of what may say that for it."""
        always = [said for said, asked, _ in tools if said and not asked]
        self._certain = Several(["|".join([certain, QUOTED, *always])])
        numbers: dict[str, int] = {}
        self._asked: dict[int, dict[str, None]] = {}
        for said, asked, elsewhere in tools:
            if said and asked:
                number = numbers.setdefault(said, len(numbers))
                self._asked.setdefault(number, {})[f"{asked}|{elsewhere}"] = None
        self._named = Several(list(numbers))

    def may(self, line: str) -> bool:
        """Whether a tool is named and asked to do something."""
        if self._certain.given(line):
            return True
        return any(one(asked).given(line) for number in self._named.given(line) for asked in self._asked[number])


@lru_cache(None)
def one(expression: str) -> Several:
    """An expression that is looked for alone, compiled once."""
    return Several([expression])


def is_active(tool: Tool) -> bool:
    """Whether it does what is looked for."""
    return any(form.does not in PASSIVE for form in tool.forms)


def _elsewhere(tool: Tool) -> str:
    return _TABLES if tool.syntax == "powershell" else _VARIABLES


def asked_for(tool: Tool, *, within: bool = False) -> str:
    """An expression of which a match stands in a tool's line for each form that is looked for; "" when none need.

    `within`: the line is that of a shell, where the tool's begins anywhere.
    """
    each = [_of_form(tool, form, within) for form in tool.forms if form.does not in PASSIVE]
    return "" if not all(each) else "|".join(dict.fromkeys(filter(None, each)))


def _of_form(tool: Tool, form: Form, within: bool) -> str:
    if form.verb:
        return "|".join(rf"\b{re.escape(verb.split()[-1])}\b" for verb in form.verb)
    for selector in several(form.needs):
        if found := selected(tool, selector, within=within):
            return found
    if found := _of_all(tool, form.source, within):
        return found
    return _of_all(tool, form.destination or tool.destination, within) if form.required else ""


def _of_all(tool: Tool, selectors: Selectors, within: bool) -> str:
    each = [selected(tool, selector, within=within) for selector in several(selectors)]
    return "|".join(each) if all(each) else ""


def selected(tool: Tool, selector: Selector, *, options: bool = False, within: bool = False) -> str:
    """An expression of what a selector looks for in the line; "" when what it gives need not stand there.

    `options`: only where it names nothing but options.
    """
    if selector.input or selector.output or selector.piped or selector.joined or selector.into:
        return ""
    found = [option(tool, each, within=within) for each in selector.option]
    if selector.argument != "" or selector.word:
        found.append("" if options or not selector.like else anywhere(selector.like))
    if selector.code:
        found.append("" if options or tool.syntax not in ("powershell", "words") else anywhere(selector.code))
    return "|".join(found) if all(found) else ""


def option(tool: Tool, name: str, *, within: bool = False) -> str:
    """An expression of an option, as short as the tool takes it."""
    if tool.syntax == "powershell":
        short = "|".join(re.escape(name[1:end]) for end in range(len(name), 1, -1))
        return rf"-(?:{short})(?:$|[^\w-])"
    if name.startswith("--"):
        return re.escape(name[:5] if tool.abbreviated else name)
    plain = name.lstrip("-/")
    if tool.syntax == "getopt" and len(plain) == 1:
        bundle = rf"(?:^|[\s\"'>])-[\w#]*(?-i:{re.escape(plain)})"  # also as the text of an XML element
        begins = r"(?:^|[\s\"'])" if within else r"^\s*[\"']?"
        return rf"{bundle}|{begins}[\w#]*(?-i:{re.escape(plain)})" if tool.leading else bundle
    if tool.syntax == "getopt":
        return re.escape(name)
    return ("[-/]" if tool.syntax == "slash" else "-") + re.escape(plain)


_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
"""What an expression is made of: an escape, a class of characters, or one character."""
_EDGES = {"^": r"""(?:^|[\s"'=(,;])""", "$": r"""(?:$|[\s"'),;])"""}


def anywhere(like: str) -> str:
    """An expression on one word as one on a line of words."""
    cased = like.startswith("(?-i)")
    text = spelled(like.removeprefix("(?-i)")).replace("(?P<is>", "(?:")
    text = "".join(_EDGES.get(piece, piece) for piece in _PIECES.findall(text))
    return f"(?-i:{text})" if cased else text


def _globbed(program: str) -> str:
    """An expression of a program's name, which may be a pattern."""
    return re.escape(program.rstrip("*")).replace(r"\*", r"[^\s\"';|]*")
