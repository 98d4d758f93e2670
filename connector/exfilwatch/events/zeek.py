"""Zeek's logs: TSV with its header as one document per line, under the names that Zeek's JSON logs have.

    {"_path": "conn", "ts": 1693975906.50031, "uid": "C...", "id.orig_h": "192.168.56.30", "id.orig_p": 62431,
     "tunnel_parents": ["..."], ...}; unset fields are absent.

Field maps: shapes/zeek_conn.yml, zeek_http.yml, zeek_log.yml, which take JSON logs as well.
Source: https://docs.zeek.org/en/master/log-formats.html and Zeek's src/threading/formatters/Ascii.cc.
"""

import codecs
import math
import re

import msgspec

from exfilwatch.events.event import Value

_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_MOST_FIELDS = 4096
_LONGEST = 256 << 10  # characters of a header line; those of Zeek have some hundreds


class ZeekHeader(msgspec.Struct, array_like=True):
    """The header lines seen so far; a new `#separator` or `#fields` starts a new log."""

    separator: str = "\t"
    path: str = ""
    set_separator: str = ","
    empty: str = "(empty)"
    unset: str = "-"
    fields: list[str] = []
    types: list[str] = []

    def feed(self, line: str) -> bool:
        """Take in a line that starts with '#'; False when it is none of a Zeek log."""
        if len(line) > _LONGEST:
            return False
        if line.startswith("#separator "):
            self.__init__(_unescape(line[11:].strip()) or "\t")  # type: ignore[misc] # begins anew
            return True
        name, _, text = line.partition(self.separator)
        match name:
            case "#set_separator":
                self.set_separator = text or ","
            case "#empty_field":
                self.empty = text
            case "#unset_field":
                self.unset = text
            case "#path":
                self.path = text
            case "#fields":
                self.fields = text.split(self.separator)[:_MOST_FIELDS]
                self.types = []
            case "#types":
                self.types = text.split(self.separator)[:_MOST_FIELDS]
            case "#open" | "#close":
                pass
            case _:
                return False
        return True

    def document(self, line: str) -> dict[str, Value] | None:
        """A line of the log; None when its number of fields is not the header's."""
        texts = line.split(self.separator, len(self.fields))
        if not self.fields or len(texts) != len(self.fields):
            return None
        types = self.types if len(self.types) == len(self.fields) else [""] * len(self.fields)
        document: dict[str, Value] = {"_path": self.path} if self.path else {}
        for name, kind, text in zip(self.fields, types, texts, strict=True):
            if text != self.unset:
                document[name] = self._value(kind, text)
        return document

    @property
    def active(self) -> bool:
        """Whether a header was seen, so that lines that are nothing else may be Zeek's."""
        return bool(self.fields)

    def _value(self, kind: str, text: str) -> Value:
        if kind.startswith(("set[", "vector[", "table[")):
            inner = kind.partition("[")[2].removesuffix("]")
            return [] if text == self.empty else [_scalar(inner, part) for part in text.split(self.set_separator)]
        return "" if text == self.empty else _scalar(kind, text)


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
