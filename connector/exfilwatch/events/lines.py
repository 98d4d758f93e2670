"""Lines to events, whatever wrote them: JSON of every shape, audit records, Zeek, XML in syslog, auoms.

The kind of each line is told by the line itself, so that mixed files work. Nothing that stands in a line raises: what
can't be read is reported with its place, what is of no known shape is counted.
"""

import json
import math
import re
import zlib
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from exfilwatch.events.audit_record import audit_record
from exfilwatch.events.auditd import Auditd, Joined, OpenEvent
from exfilwatch.events.auoms import auoms_document, is_auoms
from exfilwatch.events.envelopes import envelope, remarks, unfolded
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.events.event_xml import event_document
from exfilwatch.events.layout import json_records, layout
from exfilwatch.events.limits import Limits
from exfilwatch.events.lineage import Known, Lineage
from exfilwatch.events.report import Report
from exfilwatch.events.rows import rows
from exfilwatch.events.script_blocks import ScriptBlocks
from exfilwatch.events.shape import SHAPES, Shape, recognise
from exfilwatch.events.zeek import ZeekHeader
from exfilwatch.structs import ready

_BLANK = b" \t\r\n\0"
_DEEPEST = 3
_HEADER = 4096
# The header of a syslog line (RFC 3164, RFC 5424, or with an ISO time) up to its host.
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>)?(?:\d )?(?:[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ][\d:.,]{8,20}"
    r"(?:Z|[+-]\d\d:?\d\d)?) (\S{1,255}) ",
    re.ASCII,
)
_PAYLOAD = re.compile(r"<Event[ >]|\{\s*\"")

Around: TypeAlias = Mapping[str, Value]
_NOTHING: Around = {}


class _State(msgspec.Struct, array_like=True):
    """What a decoder remembers. Another version's is not read: the number has to change with what stands here."""

    version: Literal[1]
    zeek: ZeekHeader
    open_events: list[OpenEvent]
    known: list[Known]


class LineDecoder:
    """The events of one log, line by line. It remembers what formats need: Zeek's header, open audit events, parents.

    `source` may change between lines, as a log's files do. `state` is what an earlier decoder remembered. `blocks`
    joins script blocks whose parts may stand in several logs, and is its owner's to finish.
    """

    def __init__(self, source: str, report: Report, state: bytes = b"", blocks: ScriptBlocks | None = None) -> None:
        self.source = source
        self._report = report
        self._blocks = ScriptBlocks() if blocks is None else blocks
        self._owned = blocks is None
        remembered = self._remembered(state)
        self._lineage = Lineage(known=remembered.known)
        self._auditd = Auditd(self._lineage, open_events=remembered.open_events)
        self._zeek = remembered.zeek

    def state(self) -> bytes:
        """What is remembered, for a decoder that goes on from here; empty when it is nothing.

        It may take as much as open events and parents may (auditd.py, lineage.py), and is compressed.
        """
        remembered = _State(1, self._zeek, self._auditd.open_events(), self._lineage.known())
        if remembered == _nothing():
            return b""
        return zlib.compress(msgspec.msgpack.encode(remembered), 1)

    def _remembered(self, state: bytes) -> _State:
        if not state:
            return _nothing()
        try:
            return msgspec.msgpack.decode(zlib.decompress(state), type=ready(_State))
        except (zlib.error, msgspec.DecodeError) as error:
            why = "what was remembered of earlier lines can't be read: parents and an event cut in two may be unknown"
            self._report.problem(Origin(self.source), why, str(error))
            return _nothing()

    def feed(self, line: bytes | str, number: int) -> list[Event]:
        """The events that this line completes; `number` is its 1-based number in the source."""
        return [whole for event in self._events(line, number) for whole in self._blocks.feed(event)]

    def _events(self, line: bytes | str, number: int) -> list[Event]:
        origin = Origin(self.source, number)
        data = (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line).strip(_BLANK)
        if not data:
            return []
        try:
            if data[0] == ord("{"):
                return self._json(data, origin)
            if layout(data) == "json":
                return [event for record in json_records([data], Limits()) for event in self._json(record, origin, 1)]
            return self._text(self._decoded(data, origin), origin)
        except RecursionError:
            self._report.unreadable(origin, "a record nested too deeply")
            return []

    def finish(self) -> list[Event]:
        """The events that wait for lines that did not come."""
        blocks = self._blocks.finish() if self._owned else []
        return [self._joined(joined) for joined in self._auditd.finish()] + blocks

    def waiting(self) -> list[Event]:
        """The events that wait for lines, as they are now. They go on waiting: a later one of the same id may say more.

        For logs that nothing is written to, so that what they hold is seen before the next line comes.
        """
        shape = SHAPES["auditd"]
        return [shape.event(joined.document, joined.origin, joined.raw) for joined in self._auditd.waiting()]

    def _json(self, data: bytes, origin: Origin, depth: int = 0, around: Around = _NOTHING) -> list[Event]:
        try:
            found: Value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._damaged(data, origin, str(error), depth)
        if isinstance(found, dict):
            return self._document({**around, **found} if around else found, data, origin, depth)
        self._report.unknown(origin, ["(a JSON value that is no object)"])
        return []

    def _damaged(self, data: bytes, origin: Origin, why: str, depth: int) -> list[Event]:
        """JSON that the strict decoder refuses: what is only unclean is cleaned, what is cut off is lost."""
        pieces = [piece for piece in json_records([data], Limits()) if piece.startswith(b"{")]
        if len(pieces) > 1 and depth == 0:
            return [event for piece in pieces for event in self._json(piece, origin, depth + 1)]
        try:
            document = _cleaned(data.decode("utf-8", "replace"))
        except ValueError:
            self._report.unreadable(origin, "JSON that is cut off or malformed", why)
            return []
        self._report.problem(origin, "unclean JSON, read nevertheless", why)
        return self._document(document, data, origin, depth)

    def _document(self, document: dict[str, Value], data: bytes, origin: Origin, depth: int) -> list[Event]:
        document = unfolded(document)
        shape = recognise(document)
        if shape is not None:
            return [self._event(shape, document, origin, data)]
        if depth < _DEEPEST:
            inner = rows(data)
            if inner is not None:
                return [event for record in inner for event in self._json(record, origin, depth + 1)]
            held = envelope(document)
            if held is not None and _is_event(held.text):
                return self._text(held.text, origin, held.host, depth + 1, remarks(document))
        self._report.unknown(origin, document)
        return []

    def _text(
        self, text: str, origin: Origin, host: str | None = None, depth: int = 0, around: Around = _NOTHING
    ) -> list[Event]:
        """`host` and `around` are what the record around this text says of it."""
        if text[0] == "#" and self._zeek.feed(text):
            return []
        header = _SYSLOG.match(text)
        host = header[1] if header and header[1] != "-" else host
        if "audit(" in text[:_HEADER]:
            if is_auoms(text):
                return [self._made("auoms", auoms_document(text, self._lineage), origin, text)]
            record = audit_record(text)
            if record is not None:
                return [self._joined(joined) for joined in self._auditd.feed(record, host, origin, len(text))]
        if self._zeek.active:
            document = self._zeek.document(text)
            if document is not None:
                return self._document(document, text.encode("utf-8", "surrogatepass"), origin, _DEEPEST)
        payload = _PAYLOAD.search(text, 0, _HEADER)
        if payload and payload[0][0] == "<":
            return self._xml(text[payload.start() :], origin, around)
        if payload and depth < _DEEPEST and (depth or payload.start()):
            return self._json(text[payload.start() :].encode("utf-8", "replace"), origin, depth + 1, around)
        self._report.unknown(origin, ["(text)"])
        return []

    def _xml(self, text: str, origin: Origin, around: Around) -> list[Event]:
        document, wrong = event_document(text)
        if document is None:
            self._report.unreadable(origin, wrong)
            return []
        if wrong:
            self._report.problem(origin, wrong)
        return self._document({**around, **document}, text.encode("utf-8", "surrogatepass"), origin, _DEEPEST)

    def _joined(self, joined: Joined) -> Event:
        return self._event(SHAPES["auditd"], joined.document, joined.origin, joined.raw)

    def _made(self, shape: str, document: dict[str, Value], origin: Origin, text: str) -> Event:
        return self._event(SHAPES[shape], document, origin, text.encode("utf-8", "surrogatepass"))

    def _event(self, shape: Shape, document: dict[str, Value], origin: Origin, raw: bytes) -> Event:
        self._report.read(shape.name)
        return shape.event(document, origin, raw)

    def _decoded(self, data: bytes, origin: Origin) -> str:
        try:
            return data.decode().removeprefix("\ufeff") or " "
        except UnicodeDecodeError as error:
            self._report.problem(origin, "text that is no UTF-8, read with replacement characters", error.reason)
            return data.decode("utf-8", "replace")


def _nothing() -> _State:
    return _State(1, ZeekHeader(), [], [])


def _is_event(text: str) -> bool:
    return "audit(" in text[:_HEADER] or _PAYLOAD.search(text, 0, _HEADER) is not None


def _cleaned(text: str) -> dict[str, Value]:
    """JSON with control characters, lone surrogates, NaN or numbers out of range. Raises ValueError when it is none."""
    found = json.loads(text, strict=False, parse_constant=lambda _name: None, parse_float=_finite)
    plain = json.dumps(found, ensure_ascii=False, check_circular=False).encode("utf-8", "replace")
    try:
        document: Value = msgspec.json.decode(plain)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
