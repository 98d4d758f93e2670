"""Statements: assignments, pipelines, and those that begin with a word of the language."""

import re
from typing import Final

from exfilwatch.commands.command import Command
from exfilwatch.commands.shells.powershell import calls, expressions, lexicon, members, repeating, values
from exfilwatch.commands.shells.powershell.reader import NOTHING, Node, Reader, key_of, written
from exfilwatch.commands.shells.powershell.values import Value

_LONGEST_PIPE: Final = 16
_STARTS: Final = frozenset("'\"$(@[{0123456789+-!,")
_CONDITIONAL: Final = frozenset(["if", "elseif", "while", "until", "switch", "for", "param", "catch", "trap", "data"])
_LOOPING: Final = frozenset(["while", "for", "do", "function", "filter", "process", "workflow"])


def statements(reader: Reader, closer: str) -> Node:
    """Statements up to the closing mark, which is taken; the value of the last one."""
    last = NOTHING
    while True:
        reader.skip(lexicon.BETWEEN)
        mark = reader.peek()
        if not mark:
            return last
        if mark in ")}":
            reader.at += 1
            if closer:
                return last
            continue
        before = reader.at
        last = statement(reader)
        if reader.at == before or reader.peek() == "&":
            reader.at += 1


def statement(reader: Reader) -> Node:
    """One statement, whose first character comes next."""
    reader.step()
    mark = reader.peek()
    if mark == "$":
        plain = reader.skip(lexicon.SET)
        if plain:
            value = plain[2] if plain[2] is not None else plain[3][1:-1]
            if "$" in value and plain[2] is None:
                value = reader.filled(value)
            reader.bind(plain[1].lower(), value)
            return value, ""
    elif mark.isalpha():
        node = calls.plain(reader, [], None)
        if node is not None:
            return pipeline(reader, node) if reader.blank() in ("|", "&") else node
        word = lexicon.KEYWORD.match(reader.text, reader.at)
        if word:
            reader.at = word.end()
            return _worded(reader, word[1].lower())
        return pipeline(reader, slow=True)
    elif mark == ":":
        reader.skip(lexicon.LABEL)
    if mark == "$" or mark == "[":
        assigned = lexicon.ASSIGNED.match(reader.text, reader.at)
        if assigned:
            return _assignment(reader, assigned)
        several = reader.skip(lexicon.SEVERAL)
        if several:
            return _several(reader, several[1].split(","))
    return pipeline(reader)


def block(reader: Reader) -> Node:
    """The statements of a block, whose opening brace is taken; the value of the last one."""
    reader.deeper()
    within, reader.within = reader.within, 0
    last = statements(reader, "}")
    reader.within = within
    reader.depth -= 1
    return last


def _worded(reader: Reader, word: str) -> Node:
    """A statement that begins with a word of the language, which is read."""
    looping = word in _LOOPING
    if word == "foreach":
        reader.space()
        return repeating.each(reader)
    if word == "for" and reader.space() == "(" and (counted := lexicon.COUNTED.match(reader.text, reader.at + 1)):
        reader.at = counted.end()
        return repeating.counted(reader, counted)
    if word in _CONDITIONAL:
        options = {"switch": lexicon.SWITCH_OPTION, "catch": lexicon.CAUGHT, "trap": lexicon.CAUGHT}.get(word)
        while options and reader.skip(options):
            pass
        if word == "param":
            return _parameters(reader)
        _condition(reader, looping)
    elif word in ("function", "filter", "workflow", "class", "enum"):
        reader.skip(lexicon.NAME)
        _condition(reader, False)
    elif word in ("return", "throw", "exit"):
        reader.blank()
        return NOTHING if lexicon.STATEMENT_END.match(reader.text, reader.at) else pipeline(reader)
    elif word == "using":
        end = reader.text.find("\n", reader.at)
        reader.at = len(reader.text) if end < 0 else end
        return NOTHING
    reader.space()
    if reader.take("{"):
        reader.loops += looping
        block(reader)
        reader.loops -= looping
    return NOTHING


def _parameters(reader: Reader) -> Node:
    """`param( ... )`: parameters hold what they hold when they are not given."""
    if reader.space() != "(":
        return NOTHING
    reader.at += 1
    reader.deeper()
    while reader.skip(lexicon.BETWEEN) and reader.peek() not in (")", ""):
        before = reader.at
        while reader.skip(lexicon.ATTRIBUTE) or reader.skip(lexicon.PARAMETER_TYPE):
            reader.space()
        found = reader.skip(lexicon.VARIABLE)
        value: Value = None
        if reader.space() == "=":
            reader.at += 1
            reader.space()
            value = members.argument(reader)[0]
        if found:
            reader.bind(key_of(*found.groups()), value)
        reader.space()
        if not reader.take(",") and reader.at == before:
            reader.at += 1
    reader.take(")")
    reader.depth -= 1
    return NOTHING


def _condition(reader: Reader, looping: bool) -> None:
    """What stands in parentheses behind a word of the language, if something does."""
    if reader.space() == "(":
        reader.at += 1
        reader.deeper()
        reader.loops += looping
        statements(reader, ")")
        reader.loops -= looping
        reader.depth -= 1


def _assignment(reader: Reader, assigned: "re.Match[str]") -> Node:
    reader.at = assigned.end()
    reader.space()
    name = key_of(assigned["scope"], assigned["name"], assigned["braced"])
    how = assigned["how"]
    value, raw = statement(reader)
    if how and how != "??":
        old = reader.variables.get(name)
        if reader.loops:
            value = None
        elif how == "+":
            value = values.added(old, value)
            if isinstance(value, str):
                reader.did("string building")
        else:
            value = values.times(old, value) if how == "*" else values.arithmetic(how, old, value)
    if isinstance(value, str):
        value = reader.undoing.within(value)
    reader.bind(name, value, raw)
    return value, raw


def _several(reader: Reader, targets: list[str]) -> Node:
    """`$a, $b = value, value`, whose left side is read."""
    reader.space()
    value, raw = statement(reader)
    several = values.items(value)
    for at, target in enumerate(targets):
        reader.bind(target.strip(" \t$").lower(), several[at] if len(several) == len(targets) else None)
    return value, raw


def pipeline(reader: Reader, read: Node | None = None, slow: bool = False) -> Node:
    """Commands and expressions with `|` between; `read` is the first one; `slow`: it is no plain one."""
    before: list[Command] = reader.found[-1:] if read else []
    value, raw = read or NOTHING
    raws: list[str] = []
    while True:
        if read is None:
            reader.space() if raws else reader.blank()
            count = len(reader.found)
            value, raw = calls.command(reader, before, value, False) if slow else element(reader, before, value)
            slow = False
            before = [*before, *reader.found[count:]][-_LONGEST_PIPE:]
        read = None
        mark = reader.blank()
        pair = reader.text[reader.at : reader.at + 2] if mark == "|" or mark == "&" else ""
        if pair == "||" or pair == "&&":
            reader.at += 2
            before, value, raws = [], None, [raw]
            continue
        if mark != "|":
            return value, " | ".join([*raws, raw]) if raws else raw
        raws.append(raw)
        reader.at += 1


def element(reader: Reader, before: list[Command], given: Value) -> Node:
    """One part of a pipeline: an expression or a command."""
    mark = reader.peek()
    if mark.isalpha():
        return calls.plain(reader, before, given) or calls.command(reader, before, given, False)
    reader.step()
    if mark == "&" or mark == ".":
        after = reader.text[reader.at + 1 : reader.at + 2]
        if mark == "&" or (after and after in " \t\n'\"($&{"):
            reader.at += 1
            reader.space()
            return calls.command(reader, before, given, True)
    elif mark and mark in _STARTS and _expressed(reader, mark):
        start, count = reader.at, len(reader.found)
        value, raw = expressions.expression(reader, 0)
        mark_after = reader.blank()
        following = reader.text[reader.at : reader.at + 2]
        if mark_after == "=" and following != "==":
            return _stored(reader, raw, "=")
        if following == "+=" or following == "-=":
            return _stored(reader, raw, following)
        ended = not mark_after or mark_after in ");|}&\n>2*"
        if not ended and isinstance(value, str) and (mark == "'" or mark == '"'):
            del reader.found[count:]  # a program's name in quotes, without the & that it needs
            reader.at = start
            return calls.command(reader, before, given, True)
        _expression(reader, value, raw, before)
        return value, raw
    return calls.command(reader, before, given, False)


def _expressed(reader: Reader, mark: str) -> bool:
    """Whether an expression begins here, and not a command such as 7z or --help."""
    if mark.isdigit() or mark in "+-":
        return bool(lexicon.NUMBER.match(reader.text, reader.at) or lexicon.UNARY.match(reader.text, reader.at))
    return True


def _expression(reader: Reader, value: Value, raw: str, before: list[Command]) -> None:
    """Note an expression that does something: one that calls a method or is written to a file."""
    places = redirections(reader)
    if places:
        calls.wrote(reader, places, values.text(value))
    if places or (not reader.within and value is None and raw[:1] != "{" and lexicon.CALL.search(raw)):
        reader.found.append(Command([], raw, "", values.text(value), places, list(before)))


def redirections(reader: Reader) -> list[str]:
    """The files that output is redirected to here."""
    places: list[str] = []
    while reader.blank() and (found := reader.skip(lexicon.REDIRECTION)):
        if not found[3]:
            reader.blank()
            words, _, _ = calls.argument(reader, True)
            if found[1] in ("", "1", "*") and words and words[0].lower() not in ("$null", "nul"):
                places += words[:1]
    return places


def _stored(reader: Reader, raw: str, how: str) -> Node:
    """`target.member = value`, whose target is read."""
    reader.at += len(how)
    reader.space()
    reader.within += 1
    value, right = statement(reader)
    reader.within -= 1
    reader.found.append(Command([], f"{raw} {how} {written(value, right)}"))
    return value, right
