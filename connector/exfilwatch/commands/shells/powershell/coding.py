"""Blocks that make a character of each number, or leave it, in the forms that encoders of scripts write."""

import re

from exfilwatch.commands.shells.powershell import values
from exfilwatch.commands.shells.powershell.values import Value

_BESIDE = re.compile(r"[\s()'\"{};]+|\[(?:int|int16|int32|byte|string)\]|\.tostring|system\.", re.IGNORECASE)
_SAME = re.compile(r"\$_(?:\.(?:value|groups\[0\]\.value))?", re.IGNORECASE)
_CODED = re.compile(
    r"(?P<first>\[char\]|\[convert\]::tochar)?"
    r"(?:\[convert\]::to(?:u?int(?:16|32|64)|byte)\$_,(?P<base>2|8|10|16)|(?P<hex>0x\+?)?\$_)"
    r"(?:-bxor(?P<key>0x[0-9a-f]{1,6}|\d{1,7}))?(?P<last>-as\[char\])?",
    re.IGNORECASE,
)


def decoded(body: str, several: list[Value]) -> list[Value] | None:
    """The characters of the values; None if the block is of another kind, or a value is no such number."""
    if len(body) > 200:
        return None
    plain = _BESIDE.sub("", body)
    if _SAME.fullmatch(plain):
        return list(several)
    found = _CODED.fullmatch(plain)
    if found is None or not (found["first"] or found["last"]):
        return None
    base = 16 if found["hex"] else int(found["base"] or 0)
    key = values.number(found["key"]) or 0
    made: list[Value] = []
    for item in several:
        code = _code(item, base)
        if code is None or not 0 <= code ^ key < 0x110000:
            return None
        made.append(chr(code ^ key))
    return made


def _code(item: Value, base: int) -> int | None:
    if not base:
        return ord(item) if isinstance(item, str) and len(item) == 1 and not item.isdigit() else values.number(item)
    try:
        return int(item, base) if isinstance(item, str) and len(item) < 24 else None
    except ValueError:
        return None
