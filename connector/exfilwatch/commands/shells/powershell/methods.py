"""Methods and members of .NET that scripts build texts with, on known values. Each gives None where it can't."""

import re
from typing import Final
from urllib.parse import unquote

from exfilwatch.commands.encoded import text_of, unbase64, unhex, unpacked
from exfilwatch.commands.shells.powershell.patterns import expression, replaced
from exfilwatch.commands.shells.powershell.values import (
    MOST,
    Block,
    Stream,
    Type,
    Value,
    cast,
    entry,
    formatted,
    indexed,
    items,
    joined,
    number,
    text,
)
from exfilwatch.commands.shells.usual import ENVIRONMENT

_ENCODINGS: Final = {
    "ascii": "latin-1",
    "bigendianunicode": "utf-16-be",
    "default": "latin-1",
    "latin1": "latin-1",
    "unicode": "utf-16-le",
    "utf16": "utf-16-le",
    "utf7": "utf-7",
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "utf32": "utf-32-le",
    "utf-16": "utf-16-le",
    "us-ascii": "latin-1",
    "iso-8859-1": "latin-1",
}
_UNPACKING: Final = ("io.compression.gzipstream", "io.compression.deflatestream", "io.compression.zlibstream")
_CONTAINERS: Final = ("io.memorystream", "io.streamreader", "io.stringreader", "io.binaryreader")


def member(value: Value, name: str) -> Value:
    """`value.name`, not called."""
    name = name.lower()
    if isinstance(value, dict):
        return entry(value, name)
    if name in ("length", "count") and isinstance(value, str | list | bytes):
        return len(value)
    if name in ("value", "name", "scriptblock", "fullname") and isinstance(value, str | Type | Block):
        return value
    return None


def called(value: Value, name: str, arguments: list[Value]) -> Value:
    """`value.name(arguments)`"""
    name = name.lower()
    if isinstance(value, Type):
        return _decoded(value, name, arguments)
    if name == "tostring" and not isinstance(value, list | dict):
        return text(value)
    if isinstance(value, bytes):
        return _of_bytes(value, name)
    if isinstance(value, str):
        return _of_text(value, name, arguments)
    if isinstance(value, list) and name in ("toarray", "getenumerator", "clone"):
        return value
    if isinstance(value, list) and name in ("tolower", "toupper", "replace", "trim"):
        found = [called(item, name, arguments) for item in value]
        return None if None in found else found
    return None


def _of_bytes(value: bytes, name: str) -> Value:
    if name in ("readtoend", "tostring"):
        return text_of(value)
    return value if name in ("toarray", "getbuffer") else None


def _of_text(value: str, name: str, given: list[Value]) -> Value:
    words = [text(each) for each in given]
    first = words[0] if words else None
    if name in ("tolower", "tolowerinvariant"):
        return value.lower()
    if name in ("toupper", "toupperinvariant"):
        return value.upper()
    if name in ("trim", "trimstart", "trimend"):
        characters = None if not words else "".join(word or "" for word in words)
        return {"trim": value.strip, "trimstart": value.lstrip, "trimend": value.rstrip}[name](characters)
    if name in ("tochararray", "getenumerator"):
        return list(value)
    if name in ("readtoend", "clone", "normalize", "invoke", "tostring"):
        return value if not given else None
    if name == "replace" and len(words) > 1 and words[0] and words[1] is not None:
        return value.replace(words[0], words[1]) if len(value) * (len(words[1]) + 1) < MOST * 8 else None
    if name == "split":
        marks = "".join(word or "" for word in words[:1]) or " "
        if isinstance(given[0] if given else None, list):
            marks = "".join(text(each) or "" for each in items(given[0]))
        return list(re.split("[" + re.escape(marks) + "]", value))
    return _at_places(value, name, given, first)


def _at_places(value: str, name: str, given: list[Value], first: str | None) -> Value:
    places = [number(each) for each in given]
    start = places[0] if places else None
    length = places[1] if len(places) > 1 else None
    if name in ("indexof", "lastindexof") and first is not None:
        return value.find(first) if name == "indexof" else value.rfind(first)
    if start is None or start < 0:
        return None
    if name == "substring":
        return value[start : start + length] if length is not None and length >= 0 else value[start:]
    if name == "remove":
        return value[:start] + value[start + length :] if length is not None and length >= 0 else value[:start]
    if name == "insert" and len(given) > 1:
        put = text(given[1])
        return None if put is None or len(put) + len(value) > MOST else value[:start] + put + value[start:]
    if name in ("padleft", "padright") and start < MOST:
        fill = (text(given[1]) if len(given) > 1 else " ") or " "
        return value.rjust(start, fill[0]) if name == "padleft" else value.ljust(start, fill[0])
    return indexed(value, start) if name in ("chars", "get_chars") else None


def _decoded(kind: Type, name: str, given: list[Value]) -> Value:
    """What an encoding makes of bytes or a text."""
    _, found, encoding = kind.name.partition("text.encoding.")
    codec = (
        _ENCODINGS.get(encoding) if found else _ENCODINGS.get(kind.name.removeprefix("text.").removesuffix("encoding"))
    )
    if codec is None or not given:
        return None
    value = given[0]
    if name == "getbytes":
        whole = text(value)
        return whole.encode(codec, "replace") if whole is not None else None
    data = value if isinstance(value, bytes) else cast("byte[]", value)
    if name not in ("getstring", "getchars") or not isinstance(data, bytes):
        return None
    return data.decode(codec, "replace")


def static(kind: Type, name: str, given: list[Value] | None) -> Value:
    """`[kind]::name`, with arguments if it is called."""
    owner, name = kind.name, name.lower()
    if given is None:
        if owner.endswith("text.encoding") or owner == "encoding":
            return Type("text.encoding." + name)
        if owner in ("string", "io.path") and name in ("empty", "directoryseparatorchar"):
            return "" if name == "empty" else "\\"
        return None
    if name == "new":
        return created(kind, given)
    words = [text(each) for each in given]
    first = words[0] if words else None
    if owner == "convert":
        return _converted(name, given, first)
    if owner == "string":
        return _string(name, given)
    if owner in ("text.encoding", "encoding") and name == "getencoding" and first is not None:
        return Type(
            "text.encoding."
            + {"65001": "utf8", "1200": "unicode", "1252": "default", "20127": "ascii"}.get(first, first.lower())
        )
    if owner in ("regex", "text.regularexpressions.regex"):
        return _matched(name, given, words)
    if owner == "char" and first is not None:
        code = number(given[0])
        if name in ("convertfromutf32", "parse") and code is not None:
            return cast("char", code) if name == "convertfromutf32" else first
        return {"tolower": first.lower(), "toupper": first.upper()}.get(name)
    if owner in ("scriptblock", "management.automation.scriptblock") and name == "create" and first is not None:
        return Block(first, read=False)
    if (
        owner == "environment"
        and name in ("getenvironmentvariable", "expandenvironmentvariables")
        and first is not None
    ):
        return ENVIRONMENT.get(first.strip("%").lower())
    if owner == "io.path" and name in ("combine", "join") and None not in words:
        return "\\".join(str(word).rstrip("\\") for word in words)
    if name in ("urldecode", "unescapedatastring", "htmldecode") and first is not None:
        return unquote(first)
    if name == "fromhexstring" and first is not None:
        return unhex(first)
    if owner in ("int", "int32", "byte", "long", "int64") and name == "parse":
        return number(given[0]) if len(given) == 1 else _based(first, 16)
    return None


def _based(digits: str | None, base: int) -> int | None:
    try:
        return int(digits, base) if digits is not None and len(digits) < 64 else None
    except ValueError:
        return None


def _converted(name: str, given: list[Value], first: str | None) -> Value:
    if name == "frombase64string":
        return unbase64(first) if first is not None else None
    if name == "frombase64chararray":
        return unbase64(str(joined(given[0], "")))
    if name == "fromhexstring" and first is not None:
        return unhex(first)
    if name in ("toint16", "toint32", "toint64", "tobyte", "touint16", "touint32", "tosbyte"):
        base = number(given[1]) if len(given) > 1 else 10
        if base not in (2, 8, 10, 16):
            return None
        return cast("int", given[0]) if len(given) == 1 else _based(first, base)
    if name == "tochar":
        return cast("char", given[0]) if given else None
    return first if name == "tostring" and len(given) == 1 else None


def _string(name: str, given: list[Value]) -> Value:
    if name == "join" and len(given) > 1:
        return joined(given[1] if len(given) == 2 else list(given[1:]), given[0])
    if name == "concat":
        return joined([item for each in given for item in items(each)] if None not in given else None, "")
    if name == "format" and len(given) > 1:
        return formatted(given[0], given[1] if len(given) == 2 else list(given[1:]))
    return given[0] if name in ("copy", "intern", "new") and given and isinstance(given[0], str) else None


def _matched(name: str, given: list[Value], words: list[str | None]) -> Value:
    first = words[0] if words else None
    if name in ("unescape", "escape") and first is not None:
        if name == "unescape":
            return re.sub(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", _unescaped, first)
        return re.escape(first)
    second = words[1] if len(words) > 1 else None
    if first is None or second is None:
        return None
    if name == "replace" and len(given) > 2:
        return replaced(first, [second, given[2]], True)
    if name == "matches":
        compiled = expression(second, True)
        if compiled is None:
            return None
        found: list[Value] = [match.group(0) for match in compiled.finditer(first)] if first.isascii() else list(first)
        return found[::-1] if len(words) > 2 and (words[2] or "").lower() == "righttoleft" else found
    return None


def _unescaped(found: "re.Match[str]") -> str:
    return (
        chr(int(found[1] or found[2], 16))
        if found[1] or found[2]
        else {"n": "\n", "t": "\t", "r": "\r"}.get(found[3], found[3])
    )


def created(kind: Type, given: list[Value]) -> Value:
    """`New-Object kind arguments` and `[kind]::new(arguments)`, where they stand for the bytes or the text within."""
    first = given[0] if given else None
    if kind.name in _UNPACKING:
        found = unpacked(first) if isinstance(first, bytes) else None
        return Stream(found) if found is not None else None
    if kind.name in _CONTAINERS:
        data = cast("byte[]", first) if isinstance(first, list) else first
        if kind.name == "io.streamreader" and isinstance(data, bytes) and len(given) > 1 and isinstance(given[1], Type):
            return called(given[1], "getstring", [data])
        return Stream(data) if isinstance(data, bytes) else data if isinstance(data, str) else None
    if kind.name == "string" and given:
        whole = joined(first, "") if isinstance(first, list) else first
        count = number(given[1]) if len(given) > 1 else 1
        return (
            whole * count if isinstance(whole, str) and count is not None and 0 <= count * len(whole) < MOST else None
        )
    if kind.name.startswith("text.") and kind.name.endswith("encoding"):
        return kind
    if kind.name in ("uri", "text.stringbuilder") and isinstance(first, str):
        return first
    return None
