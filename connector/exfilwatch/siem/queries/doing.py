"""What rules ask of search engines, whose indices have words: of starts of processes that what they do has to show.

Other queries ask for any command line but those of programs that start all the time (detection/implied.py): the names
of all programs that may do something make queries of hundreds of kilobytes, which SIEMs refuse. A search engine takes
thousands of words in one clause.
"""

from collections.abc import Sequence
from functools import lru_cache

from exfilwatch.commands.named import ORDINARY
from exfilwatch.detection.condition import FieldTest, Node, Not
from exfilwatch.detection.derived import implying
from exfilwatch.detection.nodes import every, some
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.trees import STARTS
from exfilwatch.detection.values import OneOf, Text, Wild
from exfilwatch.siem.queries.needle import Looked, Nothing, Signs, Words, literal, pieces
from exfilwatch.siem.queries.needles import ANYWHERE, BLANKS, Asking, Said, needles

_LINE, _IMAGE, _ORIGINAL = "CommandLine", "Image", "OriginalFileName"
ORDINARILY = FieldTest(_IMAGE, OneOf([Text([path], cased=False) for path in ORDINARY]))
"""A program that does nothing, whatever its line."""
_ANYTHING = Text([Wild.ANY, Wild.ONE, Wild.ANY], cased=False)
_KNOWN = ("net", "net1", "reg", "ping", "where", "findstr", "robocopy", "xcopy", "curl", "certutil", "tar")
"""Programs that are known by their names and run no others, so that none of them is a renamed one."""

_COMMON = frozenset(
    "add backup child command content copy export file get invoke item move new object out process send set start write".split()  # noqa: SIM905, E501
)
"""Words of names that stand in many lines."""


def narrowed(rule: Rule, *, looked: bool = False) -> Node:
    """What `rule.asked` says, as narrow as words allow; `looked`: of lines that were looked at."""
    if not rule.derives or rule.source.category != STARTS:
        return rule.asked
    return implying(rule.alone, _seen() if looked else _doing())


@lru_cache(1)
def _seen() -> Node:
    script = FieldTest("ScriptBlockText", _ANYTHING)
    return every([Not(ORDINARILY), some([script, FieldTest(_LINE, Looked()), FieldTest(_IMAGE, Nothing())])])


@lru_cache(1)
def _doing() -> Node:
    told = needles()
    known = OneOf([Text([Wild.ANY, rf"\{name}.exe"], cased=False) for name in _KNOWN])
    script = FieldTest("ScriptBlockText", _ANYTHING)
    disguised = some(every(_stands(each) for each in group) for group in told.disguised)
    return every(
        [
            some([FieldTest(_LINE, _ANYTHING), script]),
            Not(ORDINARILY),
            some(
                [
                    script,
                    FieldTest(_LINE, Signs(ANYWHERE)),
                    *(_asked(each) for each in told.asking if each.programs),
                    FieldTest(_ORIGINAL, OneOf([Text([name], cased=False) for name in told.originals])),
                    every([Not(FieldTest(_IMAGE, known)), disguised]),
                    FieldTest(_IMAGE, Nothing()),
                ]
            ),
        ]
    )


def _asked(each: Asking) -> Node:
    """The line of some programs, or one that names them, and what stands there."""
    named = _named_alone(each.programs) if each.alone else _named(each.programs)
    return every([named, *([_named(each.shells)] if each.shells else []), *map(_stands, each.said)])


def _named(programs: Sequence[str]) -> Node:
    """One of some programs is started, or named in a line."""
    words = {name: _word(name) for name in programs if not name.endswith("*")}
    test = Words(
        filter(None, words.values()), [name.rstrip("*") for name in programs if name.endswith("*")], programs=True
    )
    common = [literal(name) for name, word in words.items() if not word]
    return some(
        [FieldTest(_LINE, test), FieldTest(_IMAGE, test), *([FieldTest(_LINE, Signs(common))] if common else [])]
    )


def _named_alone(programs: Sequence[str]) -> Node:
    """The same of names that are words of other things as well: they stand before a blank or a sign of a shell."""
    letters = "|".join(name for name in programs if len(name) == 1)
    names = "|".join(literal(name) for name in programs if len(name) > 1)
    before = rf"[{BLANKS};\|\&\(\"'`]"
    named = rf"({before}({letters})|[A-Za-z0-9_\.~]\/({letters})|({before}|[\/\\])({names}))"
    after = rf"(\.exe|\.com)?[\"'`]?[{BLANKS}\"'`;\|\&\)<>]"
    begun = Words(programs, programs=True)
    return some([FieldTest(_LINE, Signs([named + after])), FieldTest(_IMAGE, begun)])


def _word(name: str) -> str:
    """The word of a name that says most, if one does; the name itself is one where no sign cuts it."""
    found = pieces(name)
    return name if len(found) < 2 else max((each for each in found if each not in _COMMON), key=len, default="")


def _stands(said: Said) -> Node:
    """One of its words and signs stands in the line."""
    tests = [Words(said.words, said.begins)] if said.words or said.begins else []
    signs = [Signs(said.signs)] if said.signs else []
    cased = [Signs(said.cased, cased=True)] if said.cased else []
    return some(FieldTest(_LINE, test) for test in [*tests, *signs, *cased])
