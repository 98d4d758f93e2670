"""Fields that are made of a command line (commands/fields.py), as rules see them, and what a test of one implies.

Making them costs more than looking at a text, and no SIEM has them. So beside each test of one stands, for the screens
and the queries, what an event must have for the field to have any value at all: a program of the catalogue, a shell
whose line holds a hint of one or marks of hiding, options that give a renamed program away.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from exfilwatch.commands.fields import FIELDS, Fields, fields
from exfilwatch.commands.reading import TRANSFERS
from exfilwatch.commands.tool import Tool, catalogue
from exfilwatch.commands.wrappers import wrappers
from exfilwatch.detection.condition import All, Any, FieldTest, Get, Node, Not, Selection
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.values import Null, OneOf, Test, Text, Wild
from exfilwatch.events.event import Value

DERIVED = frozenset(FIELDS)
_KINDS: Mapping[str, frozenset[str]] = {
    "transfer": TRANSFERS,
    "archive": frozenset(["archive", "encrypt", "split"]),
    "collect": frozenset(["collect"]),
}
"""What a tool has to do to give a field of this beginning a value."""
_SHORT = 4
_SHELLS = ("PowerShell.EXE", "pwsh.dll", "Cmd.Exe")
_CMD_MARKS = r"""[<>^!]|%[^%]*%|""|[a-z]"[a-z]"""
_POSIX_MARKS = (
    r"""[<>\\$`{*?\[]|['"]['"]|\w['"]\w|\b(?:base64|xxd|rev|printf|eval|alias|openssl|xargs)\b|[^\x00-\x7f]"""
)
_CODE_MARKS = (
    r"\s-c\s[\s\S]*\b(?:import|from)\s|\s-e\s[\s\S]*(?:\b(?:use|my|require|puts|new|fetch)\b|[=-]>)|\s-r\s[\s\S]*[$(]"
)
"""Code that an interpreter is given under whatever name (wrappers.py guesses its language)."""
_SCRIPT_MARKS = (
    "`", "-join", "[char]", "frombase64", "-f ", "' +", "'+", '"+', '" +', ".replace(", "-replace", "iex", "invoke-exp",
    "-enc", "[::", ".invoke(", "&(", "& (", ".(", "[array]::reverse",
)  # fmt: skip


def seeing(get: Get) -> Get:
    """Fields as a rule sees them that asks for derived ones: these are made when the first is asked for."""
    made: list[Fields] = []

    def seen(name: str) -> Value:
        if name not in DERIVED:
            return get(name)
        if not made:
            made.append(fields(get))
        return made[0].get(name)

    return seen


def is_derived(node: Node) -> bool:
    """Whether the node tests a derived field."""
    match node:
        case FieldTest(field):
            return field in DERIVED
        case Not(part) | Selection(_, part):
            return is_derived(part)
        case All(parts) | Any(parts):
            return any(map(is_derived, parts))
    return False


def implying(node: Node) -> Node:
    """The same condition, which says beside each test of derived fields what it implies of the event's own."""
    match node:
        case FieldTest(field) if field in DERIVED:
            return All((_implied(_meant([node])), node))
        case Selection(name, part):
            return Selection(name, implying(part))
        case Not(part):
            return Not(implying(part))
        case Any(parts):
            return Any(tuple(map(implying, parts)))
        case All(parts):
            direct = [part for part in parts if isinstance(part, FieldTest) and part.field in DERIVED]
            implied = [_implied(_meant(direct))] if direct else []
            return All((*implied, *(part if part in direct else implying(part) for part in parts)))
    return node


def _meant(tests: Iterable[FieldTest]) -> tuple[str, ...]:
    """The tools that all of the tests leave."""
    wanted = [each for each in tests if not each.test.holds(None)]
    return tuple(tool.name for tool in catalogue() if all(_can(tool, each) for each in wanted))


def _can(tool: Tool, wanted: FieldTest) -> bool:
    """Whether a tool's entry can give a field a value that a test takes, as far as the entry alone tells."""
    field, _, part = wanted.field.partition(".")
    does = [form.does for form in tool.forms if form.does in _KINDS.get(field, (form.does,))]
    match (field, part):
        case (_, "tool"):
            return bool(does) and wanted.test.holds(tool.name)
        case (_, "family"):
            return bool(does) and wanted.test.holds(tool.family)
        case ("transfer", "direction") | ("archive", "kind") | ("command", "does"):
            return any(wanted.test.holds(each) for each in does)
    return bool(does)


@lru_cache(100)
def _implied(names: tuple[str, ...]) -> Node:
    tools = [tool for tool in catalogue() if tool.name in names]
    exact, patterns = wrappers()
    every = [*exact.items(), *patterns]
    posix = [name for name, each in every if each.shell in ("", "posix") and not each.language]
    code = [name for name, each in every if each.language]
    programs = [program for tool in tools for program in tool.programs if program != "*"]
    hints = _hints(tools)
    no_image = FieldTest("Image", Null())
    parts: list[Node] = [_image(programs), FieldTest("CommandLine", _starts(programs))] if programs else []
    parts += [
        _image(["powershell", "pwsh", "powershell_ise"]),
        _image(code),
        All((Any((_image(posix), no_image)), _marked(hints, _POSIX_MARKS))),
        All((Any((_image(["cmd"]), no_image)), _marked(hints, _CMD_MARKS))),
        FieldTest("ScriptBlockText", _one_of([*hints, *_SCRIPT_MARKS])),
        FieldTest("TaskContent", Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=False)),
        FieldTest("TaskContentNew", Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=False)),
    ]
    if hints:
        parts.append(All((FieldTest("CommandLine", Pattern(_CODE_MARKS, "i")), _contains(hints))))
    originals = [*_SHELLS, *(name for tool in tools for name in tool.originals)]
    parts.append(FieldTest("OriginalFileName", OneOf([Text([name], cased=False) for name in originals])))
    if disguised := [text for tool in tools for text in tool.disguised]:
        parts.append(_contains(disguised))
    return Any(tuple(parts))


def _hints(tools: Iterable[Tool]) -> list[str]:
    """Texts of which one stands in a line that runs a tool."""
    found: dict[str, None] = {}
    for tool in tools:
        for program in tool.programs:
            if program == "*":
                continue
            name = program.rstrip("*")
            found.update(
                dict.fromkeys([name] if len(name) >= _SHORT else [f"{name} ", f"{name}.exe", f"{name}'", f'{name}"'])
            )
        found.update(dict.fromkeys(tool.hints))
    return list(found)


def _marked(hints: Sequence[str], marks: str) -> Node:
    """The line of a shell holds a hint or a mark of hiding."""
    marked = FieldTest("CommandLine", Pattern(marks, "i"))
    return Any((_contains(hints), marked)) if hints else marked


def _one_of(texts: Iterable[str]) -> Test:
    return OneOf([Text([Wild.ANY, text, Wild.ANY], cased=False) for text in dict.fromkeys(texts)])


def _contains(texts: Iterable[str]) -> Node:
    return FieldTest("CommandLine", _one_of(texts))


def _image(programs: Iterable[str]) -> Node:
    """The image is one of the programs, with or without its folder and `.exe`."""
    return FieldTest("Image", OneOf(list(_names(programs))))


def _names(programs: Iterable[str]) -> Iterator[Text]:
    for program in dict.fromkeys(programs):
        name = program.rstrip("*")
        if name != program:
            yield Text([name, Wild.ANY], cased=False)
            yield from (Text([Wild.ANY, mark + name, Wild.ANY], cased=False) for mark in "\\/")
            continue
        for end in ("", ".exe"):
            yield Text([name + end], cased=False)
            yield from (Text([Wild.ANY, mark + name + end], cased=False) for mark in "\\/")


def _starts(programs: Iterable[str]) -> Test:
    names = dict.fromkeys(program.rstrip("*") for program in programs)
    return OneOf([Text([quote + name, Wild.ANY], cased=False) for name in names for quote in ("", '"')])
