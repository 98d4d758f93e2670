"""What an event must have for a command line to do anything that rules ask for, said shortly, for queries of SIEMs.

Programs and shells by their names, whatever their lines hold; texts that give a renamed program away.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from exfilwatch.commands.acting import PASSIVE
from exfilwatch.commands.tool import catalogue
from exfilwatch.commands.wrappers import wrappers
from exfilwatch.detection.condition import Any, FieldTest, Node
from exfilwatch.detection.values import Null, OneOf, Text, Wild

_CODE = ("import ", "require", "use ", "my $", "->", "puts ", "fetch(", "=>", ".new(", " -r '$", ' -r "$')
"""How code begins that an interpreter under another name is given (commands/wrappers.py)."""
_SHELLS = ("PowerShell.EXE", "pwsh.dll", "Cmd.Exe")


@lru_cache(100)
def wide(names: tuple[str, ...]) -> Node:
    """The same for a SIEM's query: programs and shells by their names, whatever their lines hold."""
    tools = [tool for tool in catalogue() if tool.name in names]
    exact, patterns = wrappers()
    runners = [name for name, _ in (*exact.items(), *patterns)]
    programs = [
        name
        for tool in tools
        if tool.syntax != "powershell" and any(form.does not in PASSIVE for form in tool.forms)
        for name in tool.programs
        if name != "*"
    ]
    originals = [*_SHELLS, *(name for tool in tools for name in tool.originals)]
    parts: list[Node] = [
        image([*runners, *programs]),
        FieldTest("OriginalFileName", OneOf([Text([name], cased=False) for name in originals])),
        FieldTest("Image", Null()),
        *(FieldTest(field, _ANYTHING) for field in ("ScriptBlockText", "TaskContent", "TaskContentNew")),
    ]
    disguised = [*_CODE, *(text for tool in tools for text in tool.disguised)]
    parts.append(FieldTest("CommandLine", OneOf([_within(text) for text in dict.fromkeys(disguised)])))
    return Any(tuple(parts))


_ANYTHING = Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=False)


def _within(text: str) -> Text:
    return Text([Wild.ANY, text, Wild.ANY], cased=False)


def image(programs: Iterable[str]) -> Node:
    """The image is one of the programs, with or without its folder and `.exe`."""
    return FieldTest("Image", OneOf(list(_images(programs))))


def _images(programs: Iterable[str]) -> Iterator[Text]:
    for program in dict.fromkeys(programs):
        name = program.rstrip("*")
        if name != program:
            yield Text([name, Wild.ANY], cased=False)
            yield from (Text([Wild.ANY, mark + name, Wild.ANY], cased=False) for mark in "\\/")
            continue
        yield from (Text([name + end], cased=False) for end in ("", ".exe"))
        yield from (Text([Wild.ANY, mark + name + end], cased=False) for mark in "\\/" for end in ("", ".exe"))
