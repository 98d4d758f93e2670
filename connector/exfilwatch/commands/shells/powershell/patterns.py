"""-replace and -split, by expressions that RE2 runs in linear time."""

import re
from collections.abc import Callable
from typing import Any

import re2

from exfilwatch.commands.shells.powershell.values import MOST, Value, items, text

_GROUP = re.compile(r"\$(?:(\d{1,2})|\{(\w+)\}|(\$)|&)")
_PLAIN = re.compile(r"[\w\s,;:@#%&/<>=!~\"'-]*")
_OPTIONS: Any = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20


def expression(pattern: str, sensitive: bool) -> Any:
    """A compiled expression of .NET's kind; None for what RE2 can't run."""
    try:
        return re2.compile(pattern if sensitive else "(?i)" + pattern, _OPTIONS) if len(pattern) < 500 else None
    except (re2.error, UnicodeError):
        return None


def replaced(value: Value, arguments: Value, sensitive: bool) -> Value:
    """`-replace`"""
    given = [text(item) for item in items(arguments)]
    pattern = given[0] if given else None
    new = (given[1] if len(given) > 1 else "") if pattern is not None else None
    if pattern is None or new is None:
        return None
    change = _change(pattern, new, sensitive)
    if isinstance(value, list):
        changed = [change(item) if isinstance(item, str) else item for item in value]
        return None if None in changed else changed
    whole = text(value)
    return change(whole) if whole is not None and change is not None else None


def _change(pattern: str, new: str, sensitive: bool) -> Callable[[str], str | None]:
    if _PLAIN.fullmatch(pattern) and "$" not in new:
        if sensitive:
            return lambda whole: _short(whole, pattern, new)
        found = re.compile(re.escape(pattern), re.IGNORECASE)
        return lambda whole: found.sub(lambda _: new, whole) if len(whole) * (len(new) + 1) < MOST * 8 else None
    compiled = expression(pattern, sensitive)
    written = _GROUP.sub(
        lambda group: "\\" + group[1] if group[1] else "$" if group[3] else "\\0", new.replace("\\", "\\\\")
    )

    def change(whole: str) -> str | None:
        if compiled is None or len(whole) * (len(new) + 1) > MOST * 8:
            return None
        try:
            return str(compiled.sub(written, whole))
        except (re2.error, UnicodeError, IndexError):
            return None

    return change


def _short(whole: str, old: str, new: str) -> str | None:
    return whole.replace(old, new) if old and len(whole) * (len(new) + 1) < MOST * 8 else None


def split(value: Value, arguments: Value, sensitive: bool) -> Value:
    """`-split`"""
    if isinstance(value, list):
        parts = [split(item, arguments, sensitive) for item in value]
        return None if None in parts else [piece for part in parts for piece in items(part)]
    whole = text(value)
    given = items(arguments)
    pattern = text(given[0]) if given else None
    if whole is None or pattern is None:
        return None
    if _PLAIN.fullmatch(pattern) or (pattern[:1] == "\\" and len(pattern) == 2 and not pattern[1].isalnum()):
        pattern = pattern.removeprefix("\\")
        if not pattern:
            return ["", *whole, ""]
        if sensitive or pattern.lower() == pattern.upper():
            return list(whole.split(pattern))
        return list(re.split(re.escape(pattern), whole, flags=re.IGNORECASE))
    compiled = expression(pattern, sensitive)
    try:
        return None if compiled is None else list(compiled.split(whole))
    except (re2.error, UnicodeError):
        return None
