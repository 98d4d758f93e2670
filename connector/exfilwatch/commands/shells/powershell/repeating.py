"""Loops: what is built in them is built with each value, where nothing else is done; else they are read once."""

import re
from typing import Final

from exfilwatch.commands.command import MOST_WORK
from exfilwatch.commands.shells.powershell import coding, expressions, lexicon, statements, values
from exfilwatch.commands.shells.powershell.reader import NOTHING, Node, Reader
from exfilwatch.commands.shells.powershell.values import Value

_LONGEST_LOOP: Final = 4_000
_LEFT_FOR_THE_REST: Final = MOST_WORK // 2
"""Work that loops leave for what follows them."""


def each(reader: Reader) -> Node:
    """`foreach ($name in values) { ... }`: with each value if nothing but values is built, else once."""
    if not reader.take("("):
        return statements.pipeline(reader)
    variable = reader.skip(lexicon.IN)
    reader.deeper()
    value, raw = statements.statements(reader, ")")
    reader.depth -= 1
    reader.space()
    if not reader.take("{"):
        return NOTHING
    return _repeated(reader, variable[1].lower() if variable else "_", values.items(value), raw)


def counted(reader: Reader, found: "re.Match[str]") -> Node:
    """A `for` that counts upwards, whose parentheses are read."""
    inner = Reader(found["last"], reader.undoing, reader)
    last = values.number(expressions.expression(inner, 0)[0])
    several: list[Value] = []
    if last is not None:
        end = min(last, 1 << 20) + (found["how"].lower() == "le")
        several += list(range(int(found["first"]), end, int(found["step"] or 1) or 1)[: _LONGEST_LOOP + 1])
    return _repeated(reader, found["name"].lower(), several) if reader.space() == "{" and reader.take("{") else NOTHING


def _repeated(reader: Reader, name: str, several: list[Value], raw: str = "") -> Node:
    """The body of a loop, whose brace is taken: with each value if nothing but values is built, else once.

    `raw` is what makes the values, where they are not known: it stands for each of them.
    """
    before = dict(reader.variables)
    reader.bind(name, several[0] if len(several) == 1 else None, raw)
    start, count = reader.at, len(reader.found)
    reader.loops += 1
    statements.block(reader)
    reader.loops -= 1
    body = reader.text[start : reader.at - 1]
    if "=" in body and 1 < len(several) <= _LONGEST_LOOP and not any(each.words for each in reader.found[count:]):
        after = dict(reader.variables)
        reader.variables.clear()
        reader.variables.update(before)
        for at, item in enumerate(several):
            if not _again(reader, body, name, item) or (not at and reader.variables == before):
                reader.variables.update(after)
                break
    reader.bind(name, None)
    return NOTHING


def _again(reader: Reader, body: str, name: str, item: Value) -> bool:
    """Read a loop's body with a value; False when it is too much."""
    if reader.bounds.work < _LEFT_FOR_THE_REST or len(reader.undoing.within(body)) < len(body):
        return False
    reader.bounds.work -= 15
    inner = Reader(body, reader.undoing, reader)
    inner.bind(name, item)
    statements.statements(inner, "")
    return True


def mapped(reader: Reader, given: Value) -> Node:
    """A ForEach-Object's block, whose brace comes next: what it makes of each known value; its commands once."""
    several = values.items(given)
    reader.at += 1
    start, count = reader.at, len(reader.found)
    kept = reader.variables.get("_")
    reader.bind("_", several[0] if len(several) == 1 else None)
    reader.loops += 1
    last = statements.block(reader)
    reader.loops -= 1
    text = reader.text[start : reader.at]
    body = text.removesuffix("}")
    made: Value = last[0] if len(several) == 1 else None
    if 1 < len(several) <= _LONGEST_LOOP and not any(each.words for each in reader.found[count:]):
        made = coding.decoded(body, several) or _mapped(reader, body, several)
        if made is not None:
            del reader.found[count:]
    reader.bind("_", kept)
    return made, "{" + text


def _mapped(reader: Reader, body: str, several: list[Value]) -> Value:
    """What a block makes of each of the values; None where that can't be told."""
    results: list[Value] = []
    for item in several:
        if reader.bounds.work < _LEFT_FOR_THE_REST or len(reader.undoing.within(body)) < len(body):
            return None
        reader.bounds.work -= 15
        inner = Reader(body, reader.undoing, reader)
        inner.bind("_", item)
        made = statements.statements(inner, "")[0]
        if made is None:
            return None
        results.append(made)
    return results
