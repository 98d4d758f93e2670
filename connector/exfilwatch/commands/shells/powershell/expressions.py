"""Expressions: literals, variables, types, brackets, and operators by their precedence."""

import re
from typing import Final

from exfilwatch.commands.shells.powershell import brackets, lexicon, members, patterns, strings, values
from exfilwatch.commands.shells.powershell.reader import LONGEST_TEXT, Node, Reader, quoted, written
from exfilwatch.commands.shells.powershell.values import Type, Value

_TIGHTNESS: Final = {",": 8, "..": 7, "-f": 6, "*": 5, "/": 5, "%": 5, "+": 4, "-": 4} | {
    "-band": 2,
    "-bor": 2,
    "-bxor": 2,
    "-and": 1,
    "-or": 1,
    "-xor": 1,
}
NO_COMMA: Final = 9
"""For `expression`: an operand alone, as between the commas of a call."""
_ENDS: Final = frozenset(");|}]\n")


def expression(reader: Reader, loosest: int) -> Node:
    """Operators by their precedence, from the loosest that is asked for."""
    left = _literals(reader, loosest) or unary(reader)
    while True:
        place = reader.at
        mark = reader.blank()
        if mark in _ENDS or not mark:
            return left
        found = lexicon.OPERATOR.match(reader.text, reader.at)
        if found is None:
            reader.at = place
            return left
        operator = found[0].lower()
        tightness = _TIGHTNESS.get(operator, 3)
        if tightness < loosest:
            reader.at = place
            return left
        reader.step()
        reader.at = found.end()
        reader.space()
        left = (
            listed(reader, left)
            if operator == ","
            else operated(reader, operator, left, expression(reader, tightness + 1))
        )


def _literals(reader: Reader, loosest: int) -> Node | None:
    """A sum or a list of literals as a whole."""
    mark = reader.peek()
    if loosest > 8:
        return None
    if mark in ("'", '"', "["):
        found = reader.skip(lexicon.SUM) if loosest <= 4 else None
        if found:
            made = "".join(
                [
                    one or two or chr(int(hexa or number, 16 if hexa else 10)) if hexa or number or one or two else ""
                    for one, two, hexa, number in lexicon.SUMMED.findall(found[0])
                ]
            )
            reader.did("string building")
            return made, quoted(made)
        found = reader.skip(lexicon.LIST) if mark != "[" else None
        if found:
            reader.step()
            return [one or two for one, two in lexicon.LISTED.findall(found[0])], found[0]
    elif mark.isdigit():
        found = reader.skip(lexicon.NUMBERS)
        if found:
            reader.step()
            return [int(each, 0 if "x" in each.lower() else 10) for each in found[0].split(",")], found[0]
    return None


def listed(reader: Reader, first: Node) -> Node:
    """Items with commas between, of which the first and its comma are read."""
    nodes = [first]
    while True:
        nodes.append(unary(reader))
        place = reader.at
        if reader.blank() != ",":
            reader.at = place
            break
        reader.step()
        reader.at += 1
        reader.space()
    several = [value for value, _ in nodes]
    return several, ",".join([raw for _, raw in nodes])


def operated(reader: Reader, operator: str, left: Node, right: Node) -> Node:
    """What an operator makes of two operands."""
    a, b = left[0], right[0]
    value: Value = None
    if operator == "+":
        value = _sum(reader, left, right) if a is not None or b is not None else None
    elif a is not None and b is not None:
        value = _made(reader, operator, a, b)
    if isinstance(value, str):
        value = reader.undoing.within(value)
        return value, quoted(value)
    if isinstance(value, list):
        reader.bounds.work -= len(value) // 16
    return value, f"{left[1]} {operator} {right[1]}"


def _made(reader: Reader, operator: str, a: Value, b: Value) -> Value:
    if operator == "-f":
        reader.did("format operator")
        return values.formatted(a, b)
    if operator == "-join":
        reader.did("string building")
        return values.joined(a, b)
    if operator.endswith("replace"):
        reader.did("replacing")
        return patterns.replaced(a, b, operator == "-creplace")
    if operator.endswith("split"):
        return patterns.split(a, b, operator == "-csplit")
    if operator == "..":
        return values.ranged(a, b)
    if operator == "*":
        return values.times(a, b)
    if operator == "-as":
        return values.cast(b.name, a) if isinstance(b, Type) else None
    return values.arithmetic(operator, a, b)


def _sum(reader: Reader, left: Node, right: Node) -> Value:
    """`+`, also of a text with what is not known."""
    a, b = left[0], right[0]
    if a is None:
        a = left[1] if isinstance(b, str) and len(left[1]) < LONGEST_TEXT else None
    if b is None:
        b = right[1] if isinstance(a, str) and len(right[1]) < LONGEST_TEXT else None
    if isinstance(a, str) and isinstance(b, list):
        b = strings.put(reader, b)
    value = values.added(a, b)
    if isinstance(value, str):
        reader.did("string building")
    return value


def unary(reader: Reader) -> Node:
    """Operators before an operand, and the operand."""
    mark = reader.peek()
    if mark in ("-", "!", "+", ","):
        following = reader.text[reader.at + 1 : reader.at + 2]
        if mark == ",":
            reader.at += 1
            reader.space()
            reader.deeper()
            value, raw = unary(reader)
            reader.depth -= 1
            return [value], raw
        found = None if following.isdigit() else reader.skip(lexicon.UNARY)
        if found:
            reader.space()
            reader.deeper()
            node = unary(reader)
            reader.depth -= 1
            return _signed(reader, found[0].lower(), node)
    return postfix(reader)


def _signed(reader: Reader, operator: str, node: Node) -> Node:
    value, raw = node
    if operator == "-join" and value is not None:
        reader.did("string building")
        joined = values.joined(value, "")
        return joined, written(joined, f"-join {raw}")
    if operator.endswith("split") and value is not None:
        whole = values.text(value)
        return (list(whole.split()) if whole is not None else None), f"{operator} {raw}"
    number = values.number(value) if operator == "-" else None
    return (-number if number is not None else None), f"{operator} {raw}"


def postfix(reader: Reader) -> Node:
    """A primary with what follows it without a blank: members, calls, indices."""
    node = primary(reader)
    while True:
        mark = reader.peek()
        if mark == "." or mark == ":" or mark == "?":
            found = reader.skip(lexicon.MEMBER)
            if not found:
                return node
            node = members.member(reader, node, found[1])
        elif mark == "[" and node[1]:
            node = _indexed(reader, node)
        elif (mark == "+" or mark == "-") and reader.text[reader.at + 1 : reader.at + 2] == mark:
            reader.at += 2
            node = None, node[1]
        else:
            return node


def _indexed(reader: Reader, node: Node) -> Node:
    reader.at += 1
    reader.deeper()
    reader.space()
    index, raw = expression(reader, 0)
    reader.space()
    reader.take("]")
    reader.depth -= 1
    value = values.indexed(node[0], index) if node[0] is not None and index is not None else None
    if value is not None:
        reader.did("string building")
    return value, written(value, f"{node[1]}[{raw}]")


def primary(reader: Reader) -> Node:
    """A literal, a variable, a type, or what stands in brackets."""
    reader.step()
    mark = reader.peek()
    if mark == "'" or mark == '"':
        return strings.string(reader)
    if mark == "$":
        found = reader.skip(lexicon.VARIABLE)
        if found:
            return reader.variable(found)
        if reader.take("$("):
            return brackets.parenthesized(reader, "$(")
        reader.at += 1
        return None, "$"
    if mark == "(":
        reader.at += 1
        return brackets.parenthesized(reader, "(")
    if mark == "[":
        return brackets.typed(reader)
    if mark == "@":
        return brackets.gathered(reader)
    if mark == "{":
        return brackets.block(reader)
    number = reader.skip(lexicon.NUMBER) if mark.isdigit() or mark in ("-", "+") else None
    if number:
        return _numeral(number), number[0]
    word, raw, _ = strings.compound(reader, None, "")
    return (word if isinstance(word, str) and word else None), raw


def _numeral(found: "re.Match[str]") -> Value:
    digits = found[2] or found[3]
    if digits is None:
        return int(found[0])
    if found[4]:
        return found[0]
    value = int(digits, 16 if found[2] else 10)
    unit = (found[5] or "").lower()
    value <<= {"kb": 10, "mb": 20, "gb": 30, "tb": 40, "pb": 50}.get(unit, 0)
    return -value if found[1] == "-" else value
