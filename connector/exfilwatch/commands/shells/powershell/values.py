"""What is known while a script of PowerShell is read, and what its operators make of it.

A value is a text, a number, bytes, a list or a table of values, a type, a script block, or None: not known.
A text may have variables within that are not known; they stay in it as written (`C:\\Users\\$env:USERNAME`).
"""

import re
from typing import Final, TypeAlias


class Type:
    """A .NET type by its name, in lower case and without `System.`; also an encoding (`text.encoding.utf8`)."""

    def __init__(self, name: str) -> None:
        self.written = name.strip()
        self.name = self.written.lower().replace(" ", "").removeprefix("system.")


class Stream(bytes):
    """Bytes that are read as one."""


class Block:
    """A script block, by its text; `read` says whether its commands are listed already."""

    def __init__(self, text: str, read: bool = True) -> None:
        self.text = text
        self.read = read


Known: TypeAlias = "str | int | bytes | list[Value] | dict[str, Value] | Type | Block"
Value: TypeAlias = "Known | None"

MOST: Final = 64 * 1024
"""Characters or items that a value has at most."""

_NUMBER = re.compile(r"\s*([-+]?)(0x[0-9a-f]{1,16}|\d{1,18})\s*", re.IGNORECASE)
_HOLE = re.compile(r"\{\{|\}\}|\{(\d{1,4})(?:,-?\d{1,4})?(?::([^{}]{0,20}))?\}")


def text(value: Value) -> str | None:
    """A value as PowerShell puts it into a text; None if it can't be told."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        parts = [text(item) for item in value]
        return None if None in parts else " ".join(part or "" for part in parts)
    if isinstance(value, bytes):
        return " ".join(map(str, value)) if len(value) * 4 < MOST else None
    return value.text if isinstance(value, Block) else None


def number(value: Value) -> int | None:
    """A value as a number; None if it is none."""
    if isinstance(value, int):
        return value
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    return int(found[1] + found[2], 16 if found[2][:2].lower() == "0x" else 10)


def items(value: Value) -> list[Value]:
    """The items of a value, as a loop or a pipe goes over them."""
    if isinstance(value, list):
        return value
    if isinstance(value, bytes) and not isinstance(value, Stream):
        return list(value[:MOST])
    return [] if value is None else [value]


def added(left: Value, right: Value) -> Value:
    """`+`"""
    if isinstance(left, list):
        return [*left, *items(right)] if right is not None and len(left) < MOST else None
    if isinstance(left, str):
        other = text(right)
        return left + other if other is not None and len(left) + len(other) < MOST else None
    if isinstance(left, bytes):
        return left + right if isinstance(right, bytes) else None
    if isinstance(left, int):
        other_number = number(right)
        return None if other_number is None else left + other_number
    return {**left, **right} if isinstance(left, dict) and isinstance(right, dict) else None


def times(left: Value, right: Value) -> Value:
    """`*`"""
    count = number(right)
    if count is None or not 0 <= count < MOST:
        return None
    if isinstance(left, int):
        return left * count if abs(left) < 1 << 40 else None
    if isinstance(left, str | list):
        return left * count if len(left) * count < MOST else None
    return None


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """`-`, `/`, `%` and the operators on bits."""
    a, b = number(left), number(right)
    if a is None or b is None or abs(a) >> 64 or abs(b) >> 64:
        return None
    if operator == "-":
        return a - b
    if operator in ("/", "%"):
        return None if not b or (a % b and operator == "/") else a // b if operator == "/" else a % b
    if operator == "-bxor":
        return a ^ b
    if operator == "-band":
        return a & b
    if operator == "-bor":
        return a | b
    if operator in ("-shl", "-shr") and 0 <= b < 64:
        return a << b if operator == "-shl" else a >> b
    return None


def ranged(left: Value, right: Value) -> Value:
    """`..`, of numbers or of single letters."""
    a, b = number(left), number(right)
    if isinstance(left, str) and isinstance(right, str) and len(left) == len(right) == 1 and a is None:
        letters: list[Value] = list(map(chr, _between(ord(left), ord(right))))
        return letters[:MOST]
    return None if a is None or b is None or abs(a - b) > MOST else list(_between(a, b))


def _between(first: int, last: int) -> range:
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)


def formatted(form: Value, value: Value) -> Value:
    """`-f` and [string]::Format."""
    if not isinstance(form, str):
        return None
    values = [text(item) for item in items(value)]
    size = 0

    def filled(found: "re.Match[str]") -> str:
        nonlocal size
        if found[1] is None:
            return str(found[0][0])
        at = int(found[1])
        item = values[at] if at < len(values) else None
        if item is None:
            return str(found[0])
        if found[2] and item.isdigit() and len(item) < 10:
            digits = number(found[2][1:]) or 0
            if found[2][0] in "xX" and digits < 20:
                item = format(int(item), f"0{digits}{found[2][0]}")
            elif found[2][0] in "dD" and digits < 20:
                item = item.zfill(digits)
        size += len(item)
        return item if size < MOST else ""

    return _HOLE.sub(filled, form)


def joined(value: Value, separator: Value) -> Value:
    """`-join`"""
    between = text(separator)
    parts = [text(item) for item in items(value)]
    if between is None or value is None or any(part is None for part in parts):
        return None
    whole = between.join(part for part in parts if part is not None)
    return whole if len(whole) < MOST else None


def indexed(value: Value, index: Value) -> Value:
    """`value[index]`"""
    if isinstance(value, dict):
        key = text(index)
        return entry(value, key) if key is not None else None
    if not isinstance(value, str | list | bytes):
        return None
    if isinstance(index, list):
        found = [_at(value, number(each)) for each in index]
        return None if None in found else found
    return _at(value, number(index))


def entry(table: "dict[str, Value]", key: str) -> Value:
    """What a table has under a key, in whatever case."""
    return next((value for name, value in table.items() if name.lower() == key.lower()), None)


def _at(value: "str | list[Value] | bytes", at: int | None) -> Value:
    return None if at is None or not -len(value) <= at < len(value) else value[at]


def cast(kind: str, value: Value) -> Value:
    """A value made to be of a type; the type's name as `Type.name` has it."""
    if kind == "char":
        code = number(value)
        if isinstance(value, str):
            return value if len(value) == 1 else chr(code) if code is not None and 0 <= code < 0x110000 else None
        return chr(code) if code is not None and 0 <= code < 0x110000 else None
    if kind == "char[]":
        if isinstance(value, str):
            return list(value)
        made = [chr(each) if isinstance(each, int) and 0 <= each < 256 else cast("char", each) for each in items(value)]
        return None if None in made or value is None else made
    if kind in ("string", "automation.language.stringconstant"):
        return text(value)
    if kind in ("int", "int32", "int64", "long", "uint32", "uint64", "uint16", "int16", "byte", "short", "uint"):
        if isinstance(value, str) and len(value) == 1 and not value.isdigit():
            return ord(value)
        return number(value)
    if kind in ("byte[]", "int[]", "int32[]"):
        if isinstance(value, bytes):
            return value
        numbers = [cast("int", item) for item in items(value)]
        if value is None or not all(isinstance(each, int) for each in numbers):
            return None
        if kind == "byte[]":
            return bytes(each for each in numbers if isinstance(each, int) and 0 <= each < 256)
        return numbers
    if kind in ("type", "runtimetype"):
        named = text(value)
        return Type(named) if named is not None else value if isinstance(value, Type) else None
    if kind in ("scriptblock", "management.automation.scriptblock"):
        whole = text(value)
        return Block(whole, read=False) if whole is not None else None
    if kind in (
        "io.memorystream",
        "array",
        "object",
        "object[]",
        "string[]",
        "psobject",
        "hashtable",
        "ordered",
        "uri",
        "net.ipaddress",
    ):
        return items(value) if kind in ("array", "object[]", "string[]") and value is not None else value
    return None
