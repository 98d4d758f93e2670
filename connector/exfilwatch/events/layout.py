"""How text lies in a file: a record per line, JSON over many lines or in an array, XML; and how to get one per line."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeAlias

import msgspec

from exfilwatch.events.limits import InputError, Limits
from exfilwatch.events.rows import rows

Layout: TypeAlias = Literal["lines", "rows", "json", "xml"]
Encoding: TypeAlias = Literal["utf-8", "utf-8-sig", "utf-16"]

_JSON_ARRAY = re.compile(rb"\[\s*(?:[{\[]|\Z)")
_GOES_ON = (b"{", b"[", b",", b":")
# Everything up to and with the next bracket outside of a string. Possessive, so linear; no match: more data is needed.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+[{}\[\]]', re.DOTALL)
_EVENT_START = re.compile(rb"<Event[\s>]")
_EVENT_END = b"</Event>"
_XML_TEXT = re.compile(rb">[^<]*")
# What evtx_dump writes before each record, of XML and of JSON.
_RECORD = re.compile(rb"Record \d{1,20}\s*")
_BATCH = 256 << 10


def encoding(head: bytes) -> Encoding:
    """By the byte order mark."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"


def as_utf8(chunks: Iterable[bytes], name: Encoding) -> Iterator[bytes]:
    """The text of `chunks` in UTF-8, without its byte order mark; broken UTF-16 becomes U+FFFD."""
    if name == "utf-16":
        decoder = codecs.getincrementaldecoder(name)("replace")
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
        return
    rest = iter(chunks)
    if name == "utf-8-sig":
        yield next(rest, b"").removeprefix(codecs.BOM_UTF8)
    yield from rest


def layout(head: bytes) -> Layout:
    """How the text that starts with `head` (some 64 KiB, or all of it) lies.

    `rows`: each line is a document that holds records; `json`: objects over many lines or in an array.
    """
    head = head.lstrip()
    if numbered := _RECORD.match(head):
        head = head[numbered.end() :]
        if head.startswith(b"{"):
            return "json"
    line, _, rest = head.partition(b"\n")
    line = line.rstrip()
    if head.startswith((b"<?xml", b"<Events")) or (head.startswith(b"<Event") and line.count(_EVENT_END) != 1):
        return "xml"
    if _JSON_ARRAY.match(head):
        return "json"
    if not head.startswith(b"{"):
        return "lines"
    if _is_json(line):
        return "lines" if rows(line) is None else "rows"
    if rest and (not line.endswith(_GOES_ON) or _are_lines(rest)):
        return "lines"
    return "json"


def surely_lines(head: bytes) -> bool:
    """Whether the text that starts with `head` lies in lines, whatever follows."""
    first, ended, _ = head.lstrip().partition(b"\n")
    return bool(ended) and b"\0" not in head and layout(first) == "lines" and (first[:1] != b"{" or _is_json(first))


def _are_lines(text: bytes) -> bool:
    """Whether JSON lines follow, so that the line before was only a broken one."""
    line, _, after = text.partition(b"\n")
    return line.startswith(b"{") and _is_json(line) and (not after.strip() or after.startswith(b"{"))


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def json_records(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The objects of a text that holds them one after the other or in arrays, and the rows of those that hold rows.

    Text between objects comes as a record of its own, so that it is not lost. Raises InputError when an object is
    larger than the limits.
    """
    for record in _json_objects(chunks, limits):
        found = rows(record)
        if found is None:
            yield record.replace(b"\n", b" ")
        else:
            yield from found


class _JsonObjects:
    """Cuts a text at the ends of its objects. `rest` is what is not yet complete."""

    def __init__(self) -> None:
        self.rest = b""
        self.in_array = False
        self._position = 0
        self._depth = 0

    def feed(self, more: bytes) -> Iterator[bytes]:
        data, start, base = self.rest + more, 0, int(self.in_array)
        while found := _TO_BRACKET.match(data, self._position):
            self._position = position = found.end()
            opens = data[position - 1] in b"{["
            if opens and self._depth == base:
                yield from _between(data[start : position - 1])
                start = position - 1
                if self._depth == 0 and data[start] == ord("["):
                    base, start = 1, position
            self._depth += 1 if opens else -1
            if not opens and self._depth <= base:
                if self._depth == base:
                    yield data[start:position]
                else:
                    yield from _between(data[start : position - 1])
                    self._depth = base = 0
                start = position
        self.rest, self.in_array = data[start:], bool(base)
        self._position -= start


def _json_objects(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    objects = _JsonObjects()
    for piece in _pieces(chunks, lambda: len(objects.rest)):
        yield from objects.feed(piece)
        largest = limits.max_line if objects.in_array else limits.max_document
        if len(objects.rest) > largest:
            raise InputError(
                f"holds one JSON document of more than {largest:,} bytes and was not read further: "
                "export it as JSON lines"
            )
    yield from _between(objects.rest)


def _pieces(chunks: Iterable[bytes], held: Callable[[], int]) -> Iterator[bytes]:
    """Pieces at least as large as what is held back already, so that nothing is copied or scanned again and again."""
    piece: list[bytes] = []
    size = 0
    for chunk in chunks:
        piece.append(chunk)
        size += len(chunk)
        if size >= held():
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join(piece)


def _between(text: bytes) -> Iterator[bytes]:
    text = text.strip(b" \t\r\n,")
    if text and not _RECORD.fullmatch(text):
        yield text.replace(b"\n", b" ")


def xml_records(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The <Event> elements of an XML text, each on one line: line ends in texts become character references."""
    data = bytearray()
    for piece in _pieces(chunks, data.__len__):
        data += piece
        done = 0
        while (end := data.find(_EVENT_END, done)) >= 0:
            found = _EVENT_START.search(data, done, end)
            if found:
                yield _one_line(bytes(data[found.start() : end + len(_EVENT_END)]))
            done = end + len(_EVENT_END)
        del data[:done]
        if len(data) > limits.max_line:
            raise InputError(f"holds an XML event of more than {limits.max_line:,} bytes and was not read further")
    found = _EVENT_START.search(data)
    if found:
        yield _one_line(bytes(data[found.start() :]))


def _one_line(element: bytes) -> bytes:
    if b"\n" not in element:
        return element
    texts = _XML_TEXT.sub(lambda text: text[0].replace(b"\r", b"").replace(b"\n", b"&#10;"), element)
    return texts.replace(b"\n", b" ")


def row_records(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The rows of lines that each hold rows; other lines as they are."""
    for line in lines:
        found = rows(line)
        if found is None:
            yield line
        else:
            yield from found


def batched(records: Iterable[bytes]) -> Iterator[bytes]:
    """Records, each without a line end, as chunks of whole lines."""
    held: list[bytes] = []
    size = 0
    for record in records:
        held.append(record)
        size += len(record) + 1
        if size >= _BATCH:
            yield b"\n".join(held) + b"\n"
            held, size = [], 0
    if held:
        yield b"\n".join(held) + b"\n"
