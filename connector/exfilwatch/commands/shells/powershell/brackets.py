"""What stands in brackets: groups, arrays, tables, blocks, here-strings, types and casts."""

from exfilwatch.commands.shells.powershell import expressions, lexicon, names, statements, strings, values
from exfilwatch.commands.shells.powershell.reader import Node, Reader, written
from exfilwatch.commands.shells.powershell.values import Block, Type, Value


def block(reader: Reader) -> Node:
    """A script block, whose commands are read here."""
    reader.at += 1
    start = reader.at
    statements.block(reader)
    text = reader.text[start : reader.at]
    return Block(text.removesuffix("}")), "{" + text


def parenthesized(reader: Reader, opening: str) -> Node:
    """`( )` and `$( )`, whose opening is read."""
    mark = reader.space()
    if mark == ")":
        reader.at += 1
        return None, opening + ")"
    reader.deeper()
    reader.within += 1
    while True:
        before = reader.at
        value, raw = statements.statement(reader)
        reader.skip(lexicon.BETWEEN)
        if reader.peek() in (")", "}", ""):
            break
        if reader.at == before:
            reader.at += 1
    reader.take(")")
    reader.within -= 1
    reader.depth -= 1
    if isinstance(value, str | int):
        return value, written(value, raw)
    return value, raw if opening == "(" and _wrapped(raw) else f"{opening}{raw})"


def _wrapped(raw: str) -> bool:
    return raw[:1] == "(" and raw[-1:] == ")" and raw.count("(") == 1


def gathered(reader: Reader) -> Node:
    """`@( )`, `@{ }` and here-strings."""
    after = reader.text[reader.at + 1 : reader.at + 2]
    if after == "(":
        return _array(reader)
    if after == "{":
        return _table(reader)
    if after == "'" or after == '"':
        return strings.here(reader)
    word, raw, _ = strings.compound(reader, None, "")
    if not raw:
        reader.at += 1
    return (word if isinstance(word, str) and word else None), raw or "@"


def _array(reader: Reader) -> Node:
    reader.at += 2
    reader.deeper()
    several: list[Value] = []
    raws: list[str] = []
    while True:
        reader.skip(lexicon.BETWEEN)
        if reader.take(")") or not reader.peek():
            break
        before = reader.at
        value, raw = statements.statement(reader)
        several += value if isinstance(value, list) else [value]
        raws.append(raw)
        if reader.at == before:
            reader.at += 1
    reader.depth -= 1
    return several, "@(" + "; ".join(raws) + ")"


def _table(reader: Reader) -> Node:
    """`@{ name = value; ... }`"""
    reader.at += 2
    reader.deeper()
    table: dict[str, Value] = {}
    raws: list[str] = []
    while True:
        reader.skip(lexicon.BETWEEN)
        if reader.take("}") or not reader.peek():
            break
        before = reader.at
        found = reader.skip(lexicon.KEY)
        key = found[0] if found else values.text(expressions.postfix(reader)[0])
        reader.space()
        if reader.take("="):
            reader.space()
            value, raw = statements.statement(reader)
            if key is not None:
                table[key] = value
                raws.append(f"{key} = {written(value, raw)}")
        if reader.at == before:
            reader.at += 1
    reader.depth -= 1
    return table, "@{" + "; ".join(raws) + "}"


def typed(reader: Reader) -> Node:
    """`[type]`: alone, before `::`, or as a cast."""
    found = reader.skip(lexicon.TYPE)
    if found is None:
        if not reader.skip(lexicon.ATTRIBUTE):
            reader.at += 1
        return None, ""
    kind = Type(found[1])
    place = reader.at
    mark = reader.blank()
    following = reader.text[reader.at + 1 : reader.at + 2]
    if not mark or (mark not in "'\"$(@[{" and not mark.isdigit() and not (mark == "-" and following.isdigit())):
        reader.at = place
        return kind, f"[{kind.written}]"
    reader.deeper()
    value, raw = expressions.unary(reader)
    reader.depth -= 1
    if kind.name == "void":
        return None, raw
    made: Value = None
    if kind.name == "string" and isinstance(value, list):
        made = strings.put(reader, value)
    elif value is not None:
        made = values.cast(kind.name, value)
    if isinstance(made, str) and kind.name == "char":
        reader.did("string building")
    if made is None and kind.name in names.SAME:
        return value, raw
    return made, written(made, f"[{kind.written}]{raw}")
