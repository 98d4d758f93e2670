"""The language of field maps: expressions over a record's paths, compiled to getters.

An expression is
  path                         the value there; dots separate levels, and a key that itself has dots is found too
  [expression, ...]            the first that is present and not empty
  {const: value}
  {join: [e, e], with: '\\'}   texts joined; the last alone when an earlier one is absent, empty or '-'; of a list, the
                               first that says something (Splunk gives both accounts of a 4688 so)
  {int: e}                     a number from 12, '12' or '0xc'
  {argv: e}                    a list of arguments as one command line, quoted only where needed (POSIX)
  {map: e, values: {a: b}, else: e}   a value replaced through a table (keys compare lower-cased)
  {lines: e, key: K}           the value of `K=...` (or `K: ...`) in a text of lines (or list of texts)
  {regex: e, pattern: p}       the first group of the first match (pattern runs in linear time)
  {unescape: e}                a text with `&lt;` and the like as the characters that they stand for
  {path_product: e}            windows for a path with a drive or backslash, linux for one that starts with '/',
                               macos when that is a folder that only macOS has
  {directory: e, name: e}      a folder and a file name as one path, whichever separator the folder uses
"""

import shlex
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import re2

from exfilwatch.errors import ConfigError
from exfilwatch.events.event import Value
from exfilwatch.events.event_xml import unescape

# What YAML holds; compile_expression refuses what is none. (msgspec takes no recursive types.)
Expression: TypeAlias = Any
T = TypeVar("T")
Getter: TypeAlias = Callable[[T], Value]
Access: TypeAlias = Callable[[str], Getter[T]]

_OF_MACOS = ("/Applications/", "/Library/", "/System/", "/Users/", "/Volumes/", "/private/")
_MISSING: tuple[Value, ...] = (None, "", "-")


def to_int(value: Value) -> int | None:
    """12, '12', '0xc', 12.0 and {'#text': 12} as a number; None for anything else."""
    if isinstance(value, dict):
        value = value.get("#text", value.get("value"))
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and len(value) <= 20:
        try:
            return int(value, 16 if value[:2] in ("0x", "0X") else 10)
        except ValueError:
            return None
    return None


def command_line(argv: Value) -> Value:
    """A list of arguments as a shell would take it, with quotes only where they are needed."""
    if isinstance(argv, list):
        return " ".join(_argument(str(item)) for item in argv)
    return argv


# Characters that make a POSIX shell read an argument differently; '=' ':' '@' '~' and the like stay bare so that rules
# written for command lines as people type them match.
_QUOTED = frozenset(" \t\n\r\"'\\$`|&;<>()*?[]{}!#")


def _argument(text: str) -> str:
    return shlex.quote(text) if not text or _QUOTED.intersection(text) else text


def _join(parts: list[Getter[T]], glue: str) -> Getter[T]:
    def join(record: T) -> Value:
        values = [_single(part(record)) for part in parts]
        present = [str(value) for value in values if value not in _MISSING]
        if values and values[-1] in _MISSING:
            return None
        return glue.join(present) or None

    return join


def _single(value: Value) -> Value:
    if isinstance(value, list):
        return next((item for item in value if item not in _MISSING), None)
    return value


def first_present(options: list[Getter[T]]) -> Getter[T]:
    """The first value that is there, be it empty."""
    if len(options) == 1:
        return options[0]

    def first(record: T) -> Value:
        for option in options:
            value = option(record)
            if value is not None:
                return value
        return None

    return first


def first_filled(options: list[Getter[T]]) -> Getter[T]:
    """The first value that is there and no empty text; else what the last option gives."""
    if len(options) == 1:
        return options[0]

    def first(record: T) -> Value:
        value: Value = None
        for option in options:
            value = option(record)
            if value not in (None, ""):
                return value
        return value

    return first


def _lines(text: Getter[T], key: str) -> Getter[T]:
    pattern = re2.compile(rf"(?m)^[ \t]*{re2.escape(key)}[ \t]*[=:][ \t]?(.*?)[ \t\r]*$")

    def line(record: T) -> Value:
        value = text(record)
        for part in value if isinstance(value, list) else [value]:
            found = pattern.search(part) if isinstance(part, str) else None
            if found:
                return str(found[1])
        return None

    return line


def _regex(text: Getter[T], pattern: str) -> Getter[T]:
    compiled = re2.compile(pattern)

    def regex(record: T) -> Value:
        value = text(record)
        found = compiled.search(value) if isinstance(value, str) else None
        return str(found[1]) if found else None

    return regex


def _table(key: Getter[T], values: dict[str, Value], otherwise: Getter[T] | None) -> Getter[T]:
    lowered = {str(k).lower(): v for k, v in values.items()}

    def table(record: T) -> Value:
        value = key(record)
        found = lowered.get(str(value).lower())
        return otherwise(record) if found is None and otherwise else found

    return table


def _path_product(path: Getter[T]) -> Getter[T]:
    def product(record: T) -> Value:
        value = path(record)
        if not isinstance(value, str) or not value:
            return None
        if not value.startswith("/"):
            return "windows"
        return "macos" if value.startswith(_OF_MACOS) else "linux"

    return product


def _in_directory(directory: Getter[T], name: Getter[T]) -> Getter[T]:
    def path(record: T) -> Value:
        folder, file = directory(record), name(record)
        if not isinstance(folder, str) or not folder or not isinstance(file, str) or not file:
            return file if folder in _MISSING else folder
        separator = "/" if folder.startswith("/") else "\\"
        if folder.lower().endswith(separator + file.lower()):
            return folder
        return folder.rstrip(separator) + separator + file

    return path


def compile_expression(expression: Expression, access: Access[T], where: str) -> Getter[T]:
    """Compile one expression; `access` gives the getter of a path, so that dicts and typed structs share this code.

    Raises ConfigError, which names `where`, when the expression is not of this language.
    """

    def sub(part: Expression) -> Getter[T]:
        return compile_expression(part, access, where)

    match expression:
        case str():
            return access(expression)
        case list() if expression:
            return first_filled([sub(part) for part in expression])
        case {"const": constant}:
            return lambda _record: constant
        case {"join": list(parts), "with": str(glue)}:
            return _join([sub(part) for part in parts], glue)
        case {"int": part}:
            number = sub(part)
            return lambda record: to_int(number(record))
        case {"argv": part}:
            argv = sub(part)
            return lambda record: command_line(argv(record))
        case {"map": part, "values": dict(values)}:
            otherwise = dict(expression).get("else")
            return _table(sub(part), values, None if otherwise is None else sub(otherwise))
        case {"lines": part, "key": str(key)}:
            return _lines(sub(part), key)
        case {"regex": part, "pattern": str(pattern)}:
            try:
                return _regex(sub(part), pattern)
            except re2.error as error:
                raise ConfigError(f"{where}: {pattern!r}: {error}") from error
        case {"unescape": part}:
            escaped = sub(part)
            return lambda record: unescape(value) if isinstance(value := escaped(record), str) else value
        case {"path_product": part}:
            return _path_product(sub(part))
        case {"directory": folder, "name": name}:
            return _in_directory(sub(folder), sub(name))
    raise ConfigError(f"{where}: {expression!r} is no field map expression; see events/mapping.py for the language")


def dict_access(path: str) -> Getter[dict[str, Value]]:
    """The getter of a path in a decoded record, nested or with dots in its keys, or any mix of both.

    A list that a path goes into stands for its first element, an object with `#text` (XML with attributes) for that.
    """
    deeper = tuple((path[:i], dict_access(path[i + 1 :])) for i, char in enumerate(path) if char == ".")

    def plain(record: dict[str, Value]) -> Value:
        value = record.get(path)
        return value["#text"] if isinstance(value, dict) and "#text" in value else value

    def get(record: dict[str, Value]) -> Value:
        value = record.get(path)
        if value is None:
            for head, rest in deeper:
                inner = record.get(head)
                if isinstance(inner, list) and inner:
                    inner = inner[0]
                if isinstance(inner, dict):
                    value = rest(inner)
                    if value is not None:
                        break
        return value["#text"] if isinstance(value, dict) and "#text" in value else value

    return get if deeper else plain


def object_access(path: str) -> Callable[[dict[str, Value]], dict[str, Value]]:
    """The getter of an object in a decoded record, gathered from the keys that start with its path if need be."""
    deeper = tuple((path[:i], object_access(path[i + 1 :])) for i, char in enumerate(path) if char == ".")
    prefix = path + "."

    def get(record: dict[str, Value]) -> dict[str, Value]:
        inner = record.get(path)
        if isinstance(inner, dict):
            return inner
        for head, rest in deeper:
            inner = record.get(head)
            if isinstance(inner, dict) and (found := rest(inner)):
                return found
        return {key[len(prefix) :]: value for key, value in record.items() if key.startswith(prefix)}

    return get


def heads(path: str) -> frozenset[str]:
    """The top-level keys that a record with this path can have, of which it has one."""
    return frozenset(path[:i] for i, char in enumerate(path) if char == ".") | {path}
