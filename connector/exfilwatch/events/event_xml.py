"""Windows events as XML: Sysmon for Linux in syslog, Splunk's XML rendering, wevtutil and Event Viewer exports.

A document has the form that the evtx package gives records, so that shapes/evtx.yml serves both:

    {"Event": {"System": {"Provider": {"#attributes": {"Name": ...}}, "EventID": "1", "Channel": ..., "Computer": ...,
               "TimeCreated": {"#attributes": {"SystemTime": ...}}, "EventRecordID": "245760", ...},
               "EventData": {"CommandLine": ..., ...} or {"Data": {"#text": [...]}}, "UserData": {NAME: {...}}}}

It is no general XML parser, on purpose: no entities but the five of XML and characters, no document type (refused), and
a text that is not escaped as it should be (old Sysmon for Linux) ends at its own end tag. Linear in the length.
Source: https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-schema
"""

import re
import sys

from exfilwatch.events.event import Value

_ELEMENT = re.compile(r"<([A-Za-z_][\w.:-]*)((?:\s[^<>]*)?)>", re.ASCII)
_ATTRIBUTE = re.compile(r"""([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.ASCII)
_DATA = re.compile(r"<(Data|ComplexData)((?:\s[^<>]*)?)>", re.ASCII)
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));", re.ASCII)
_FORBIDDEN = re.compile(r"<!(?:DOCTYPE|ENTITY)")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_MOST_ELEMENTS = 10_000


def event_document(text: str) -> tuple[dict[str, Value] | None, str]:
    """The document of the first <Event> element in `text`, and what is wrong with it ('' when nothing is).

    Syslog daemons cut long messages off: what is there of such an event is taken.
    """
    if _FORBIDDEN.search(text):
        return None, "XML event with a document type or entity declaration"
    start, end, wrong = text.find("<Event"), text.rfind("</Event>"), ""
    if end < start:
        end, wrong = len(text), "XML event that is cut off: read as far as it goes"
    system = _inside(text, "System", start, end)
    if start < 0 or system is None:
        return None, "XML event without its System element"
    event: dict[str, Value] = {"System": _leaves(text, *system)}
    data = _inside(text, "EventData", system[1], end)
    if data is not None:
        event["EventData"] = event_data(text, *data)
    else:
        user_data = _inside(text, "UserData", system[1], end)
        first = _ELEMENT.search(text, *user_data) if user_data else None
        if user_data and first:
            event["UserData"] = {_local(first[1]): _leaves(text, first.end(), user_data[1])}
    return {"Event": event}, wrong


def _inside(text: str, name: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the content of an element is: to the first end tag of System, to the last of the others or where they stop.

    Only System has to be whole.
    """
    opening = re.compile(rf"<{name}(?:\s[^<>]*)?>").search(text, start, end)
    if opening is None or opening[0].endswith("/>"):
        return None
    if name == "System":
        closing = text.find(f"</{name}>", opening.end(), end)
        return None if closing < 0 else (opening.end(), closing)
    closing = text.rfind(f"</{name}>", opening.end(), end)
    return opening.end(), end if closing < 0 else closing


def _leaves(text: str, start: int, end: int) -> dict[str, Value]:
    """Elements with their text, or with their attributes where they have no text; the first of a name counts."""
    leaves: dict[str, Value] = {}
    for found in _elements(_ELEMENT, text, start, end):
        name, attributes, content = found
        value: Value = unescape(content) if content is not None else None
        if attributes and not value:
            value = {"#attributes": attributes}
        leaves.setdefault(_local(name), value)
    return leaves


def event_data(text: str, start: int = 0, end: int = sys.maxsize) -> dict[str, Value]:
    """The <Data> elements of a text by name; those without a name together as `Data`."""
    named: dict[str, Value] = {}
    unnamed: list[Value] = []
    for _, attributes, content in _elements(_DATA, text, start, end):
        value = unescape(content or "")
        name = attributes.get("Name")
        if isinstance(name, str) and name:
            named.setdefault(name, value)
        else:
            unnamed.append(value)
    if unnamed:
        named.setdefault("Data", {"#text": unnamed})
    return named


def _elements(
    pattern: re.Pattern[str], text: str, start: int, end: int
) -> list[tuple[str, dict[str, Value], str | None]]:
    """Name, attributes and text (None: an empty element, or one that holds others) of elements, one after the other."""
    elements: list[tuple[str, dict[str, Value], str | None]] = []
    while len(elements) < _MOST_ELEMENTS and (found := pattern.search(text, start, end)):
        name, attributes = found[1], found[2]
        start = found.end()
        content: str | None = None
        if not attributes.endswith("/"):
            close = text.find(f"</{name}>" if pattern is _DATA else "<", start, end)
            if close < 0 or text.startswith("</", close):
                close = end if close < 0 else close
                content, start = text[start:close], close
        pairs = {_local(key): unescape(double or single) for key, double, single in _ATTRIBUTE.findall(attributes)}
        elements.append((name, dict[str, Value](pairs), content))
    return elements


def _local(name: str) -> str:
    """Without the namespace's prefix. Sysmon for Linux writes `UserId` where Windows writes `UserID`."""
    name = name.rpartition(":")[2]
    return "UserID" if name == "UserId" else name


def unescape(text: str) -> str:
    """A text with the five entities of XML and numbered characters as what they stand for."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return _NAMED[found[1]]
    number = int(found[2]) if found[2] else int(found[3], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
