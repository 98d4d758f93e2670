"""Zeek's logs: TSV with its header as one document per line, under the names that Zeek's JSON logs have.

    {"_path": "conn", "ts": 1693975906.50031, "uid": "C...", "id.orig_h": "192.168.56.30", "id.orig_p": 62431,
     "tunnel_parents": ["..."], ...}; unset fields are absent.

Field maps: shapes/zeek_conn.yml, zeek_http.yml, zeek_log.yml, which take JSON logs as well.
Source: https://docs.zeek.org/en/master/log-formats.html and Zeek's src/threading/formatters/Ascii.cc.
"""

import codecs
import math
import re

from exfilwatch.events.event import Value

_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_MOST_FIELDS = 4096


class ZeekHeader:
    """The header lines seen so far; a new `#separator` or `#fields` starts a new log."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.separator = "\t"
        self.path = ""
        self._set_separator = ","
        self._empty = "(empty)"
        self._unset = "-"
        self._fields: list[str] = []
        self._types: list[str] = []

    def feed(self, line: str) -> bool:
        """Take in a line that starts with '#'; False when it is none of a Zeek log."""
        if line.startswith("#separator "):
            self._begin()
            self.separator = _unescape(line[11:].strip()) or "\t"
            return True
        name, _, text = line.partition(self.separator)
        match name:
            case "#set_separator":
                self._set_separator = text or ","
            case "#empty_field":
                self._empty = text
            case "#unset_field":
                self._unset = text
            case "#path":
                self.path = text
            case "#fields":
                self._fields = text.split(self.separator)[:_MOST_FIELDS]
                self._types = []
            case "#types":
                self._types = text.split(self.separator)[:_MOST_FIELDS]
            case "#open" | "#close":
                pass
            case _:
                return False
        return True

    def document(self, line: str) -> dict[str, Value] | None:
        """A line of the log; None when its number of fields is not the header's."""
        texts = line.split(self.separator, len(self._fields))
        if not self._fields or len(texts) != len(self._fields):
            return None
        types = self._types if len(self._types) == len(self._fields) else [""] * len(self._fields)
        document: dict[str, Value] = {"_path": self.path} if self.path else {}
        for name, kind, text in zip(self._fields, types, texts, strict=True):
            if text != self._unset:
                document[name] = self._value(kind, text)
        return document

    @property
    def active(self) -> bool:
        """Whether a header was seen, so that lines that are nothing else may be Zeek's."""
        return bool(self._fields)

    def _value(self, kind: str, text: str) -> Value:
        if kind.startswith(("set[", "vector[", "table[")):
            inner = kind.partition("[")[2].removesuffix("]")
            return [] if text == self._empty else [_scalar(inner, part) for part in text.split(self._set_separator)]
        return "" if text == self._empty else _scalar(kind, text)


def _scalar(kind: str, text: str) -> Value:
    try:
        match kind:
            case "time" | "interval" | "double":
                number = float(text)
                return number if math.isfinite(number) else text
            case "count" | "int" | "port":
                return int(text) if len(text) < 20 else text
            case "bool":
                return text == "T" if text in ("T", "F") else text
    except ValueError:
        return text
    return _unescape(text)


def _unescape(text: str) -> str:
    r"""`\x09` and the like as the bytes that they stand for."""
    if "\\x" not in text:
        return text
    data = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogatepass"))
    return codecs.decode(data, "utf-8", "replace")
