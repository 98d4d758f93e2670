"""Texts in quotes, and words that are put together of bare text, variables and quoted parts."""

import re

from exfilwatch.commands.shells.powershell import expressions, lexicon, values
from exfilwatch.commands.shells.powershell.reader import Node, Reader, quoted
from exfilwatch.commands.shells.powershell.values import Value

_APART = re.compile(r"[\s;|(){}]")


def string(reader: Reader) -> Node:
    """A quoted text; in double quotes variables and expressions are put in."""
    if reader.peek() == "'":
        found = reader.skip(lexicon.SINGLE)
        value = found[1] if found else ""
        if "'" in value:
            value = value.replace("''", "'")
        return value, quoted(value)
    plain = reader.skip(lexicon.DOUBLE)
    if plain:
        return plain[1], quoted(plain[1])
    reader.at += 1
    value = expanded(reader, lexicon.CHUNK, -1)
    return value, quoted(value)


def here(reader: Reader) -> Node:
    """A here-string."""
    found = lexicon.HERE.match(reader.text, reader.at)
    if found is None:
        reader.at += 1
        return string(reader)
    start = found.end()
    end = reader.text.find(f"\n{found[1]}@", start - 1)
    last = len(reader.text) if end < 0 else max(end, start)
    if found[1] == "'":
        value = reader.text[start:last]
    else:
        reader.at = start
        value = expanded(reader, lexicon.HERE_CHUNK, last)
    reader.at = len(reader.text) if end < 0 else end + 3
    return value, quoted(value)


def expanded(reader: Reader, chunk: "re.Pattern[str]", end: int) -> str:
    """Text in double quotes, up to its end or to a closing quote, which is taken."""
    pieces: list[str] = []
    text = reader.text
    last = len(text) if end < 0 else end
    while reader.at < last:
        found = chunk.match(text, reader.at)
        if found:
            reader.at = found.end()
            pieces.append('"' if found[0] == '""' and end < 0 else text[found.start() : min(reader.at, last)])
            continue
        reader.step()
        mark = text[reader.at]
        if mark == '"' and end < 0:
            reader.at += 1
            break
        if mark == "`":
            escaped = text[reader.at + 1 : reader.at + 2]
            reader.at += 2
            pieces.append(lexicon.ESCAPES.get(escaped, escaped))
            if escaped.isalnum() and escaped not in lexicon.ESCAPES:
                reader.did("backtick")
        elif text.startswith("$(", reader.at) or lexicon.VARIABLE.match(text, reader.at):
            value, raw = expressions.primary(reader)
            inner = put(reader, value)
            pieces.append(inner if inner is not None else raw)
        else:
            reader.at += 1
            pieces.append(mark)
    return reader.undoing.within("".join(pieces))


def put(reader: Reader, value: Value) -> str | None:
    """A value as it is put into a text: items of a list with $OFS between."""
    if isinstance(value, list) and isinstance(reader.variables.get("ofs"), str):
        whole = values.joined(value, reader.variables["ofs"])
        return whole if isinstance(whole, str) else None
    return values.text(value)


def compound(reader: Reader, value: Value, raw: str) -> tuple[Value, str, list[str]]:
    """A word from here on, with what was read of it: its value, its text, its words."""
    parts: list[str] = []
    if raw:
        known = values.text(value) if value is not None else None
        parts.append(known if known is not None else raw)
    bare = True
    while True:
        found = lexicon.GENERIC.match(reader.text, reader.at)
        if found:
            reader.bounds.work -= 1
            reader.at = found.end()
            if found[1] is not None:
                parts.append("" if found[1].endswith("\n") else found[1])
                if found[1].isalnum():
                    reader.did("backtick")
            elif found[0] != "`":
                parts.append(found[0])
            continue
        mark = reader.peek()
        if mark == "'" or mark == '"':
            if parts and parts[-1][-1:].isalnum():
                reader.did("quotes inside a word")
            inner = string(reader)
        elif mark == "$":
            inner = expressions.primary(reader)
        else:
            break
        bare = False
        text = put(reader, inner[0]) if inner[0] is not None else None
        parts.append(text if text is not None else inner[1])
    reader.step()
    whole = reader.undoing.within("".join(parts))
    return whole, whole if bare or not _APART.search(whole) else quoted(whole), [whole]
