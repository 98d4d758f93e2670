"""Text that is typed on a line and sent: whether it is a call of an API, too short to carry a document or a key."""

import re
from collections.abc import Iterable
from typing import Final

MOST: Final = 64
"""Letters that all values of a call have together."""
LONGEST: Final = 16
"""Letters of the longest piece of a value without a blank: the shortest keys and digests are longer."""
_LOOKED_AT: Final = 2_000
_SHORT = re.compile(
    r"\$\((?:hostname(?: -[fs])?|date(?: [^()$`]{0,40})?|whoami|id -u?n|uname -n)\)"
    r"|\$(?P<brace>\{)?(?:HOSTNAME|USER|LOGNAME|UID|EUID|\?|env:COMPUTERNAME|env:USERNAME)(?(brace)\}|(?!\w))"
)
"""What a shell puts in and is as short as a name."""
_TABLE = re.compile(
    r"\(?\s*@\{(?P<entries>.*)\}\s*(?:\|\s*ConvertTo-Json(?:\s+-\w+(?:\s+\d+)?)*\s*)?\)?", re.DOTALL | re.IGNORECASE
)
"""A table of PowerShell, as it is or as JSON."""
_RUN = re.compile(r"=\s*\((?!\s*(?:Get-Date|hostname|whoami)\b[^()|]{0,40}\))", re.IGNORECASE)
"""An entry of a table that PowerShell works out, but for what is as short as a name."""
_EXPANDED = re.compile(r"[$`]|%\w+%|!\w+!")
_NAMES = re.compile(
    r"""(?:(?<=^)|(?<=[\s{\[,;&"'\\]))[A-Za-z_][A-Za-z_.-]{0,39}\\?["']?\s*[:=]|</?[A-Za-z][\w:.-]{0,39}\s*/?>"""
)
_PIECES = re.compile(r"""[^\s"'{}\[\],;&<>()\\]+""")
_FREE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]{5,12}Z?", re.IGNORECASE)
"""An identifier or a time: long, and says nothing."""
_NAMED = re.compile(r"^\s*[A-Za-z_][\w.\[\]-]{0,39}=")


def is_call(texts: Iterable[str]) -> bool:
    """Whether texts, each a form's `name=value` or JSON or XML, say so little. What a shell puts in is not known."""
    letters = 0
    for text in texts:
        if len(text) > _LOOKED_AT:
            return False
        text = _SHORT.sub("name", text)
        table = _TABLE.fullmatch(text)
        if table:
            text = "{" + table["entries"] + "}"
        if _EXPANDED.search(text) or (table and _RUN.search(text)):
            return False
        if text[:1] not in ("", "{", "[", "<") and not all(map(_NAMED.match, text.split("&"))):
            return False
        pieces = _PIECES.findall(_NAMES.sub(" ", text))
        if any(len(piece) > LONGEST and not _FREE.fullmatch(piece) for piece in pieces):
            return False
        letters += sum(map(len, pieces))
    return letters <= MOST
