"""Records within records: rows of log tables and of log shippers whose one field holds the event as it was logged.

- Log Analytics Syslog (`SyslogMessage`), journald (`MESSAGE`), Splunk and Sumo Logic (`_raw`), shippers (`message`,
  `log`): a text, to be read as a line of its own.
- SecurityEvent, WindowsEvent and Event of Log Analytics: `EventData` is JSON or XML in a text.
- XML turned to JSON by a library: `Data` is a list of {"@Name": ..., "#text": ...}; by the OpenTelemetry collector: of
  objects with one member each.

Sources: https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/syslog (and /windowsevent, /event,
/securityevent), https://github.com/open-telemetry/opentelemetry-collector-contrib (receiver/windowseventlogreceiver).
"""

from typing import NamedTuple

import msgspec

from exfilwatch.events.event import Value
from exfilwatch.events.event_xml import event_data

TEXTS = ("SyslogMessage", "_raw", "message", "Message", "MESSAGE", "msg", "log", "RawData", "RawMessage")
"""Members that may hold the text of a whole event."""
HOSTS = ("Computer", "HostName", "hostname", "Hostname", "_HOSTNAME", "host", "_sourceHost", "_sourcehost")
_NAMES = ("@Name", "Name")
_CONTENTS = ("#text", "@Value", "Value", "_")


class Envelope(NamedTuple):
    """A text to be read as a line of its own, and the host that the record around it names."""

    text: str
    host: str | None


def envelope(document: dict[str, Value]) -> Envelope | None:
    """The text in a record that may be an event; None when there is none."""
    for name in TEXTS:
        text = document.get(name)
        if isinstance(text, str) and text:
            host = next((found for key in HOSTS if isinstance(found := document.get(key), str) and found), None)
            return Envelope(text, host)
    return None


def remarks(document: dict[str, Value]) -> dict[str, Value]:
    """What a search platform says of the event that a record holds: its underscored members (`_receiptTime`, ...)."""
    return {name: value for name, value in document.items() if name[:1] == "_" and name not in TEXTS}


def unfolded(document: dict[str, Value]) -> dict[str, Value]:
    """The record with its event data as an object, where they were a text or a list; else the record itself."""
    data = document.get("EventData")
    if isinstance(data, str):
        found = _data(data)
        return document if found is None else {**document, "EventData": found}
    if isinstance(data, dict) and (named := _named(data.get("Data"))):
        return {**document, "EventData": named}
    event = document.get("Event")
    if isinstance(event, dict):
        data = event.get("EventData")
        if isinstance(data, dict) and (named := _named(data.get("Data"))):
            return {**document, "Event": {**event, "EventData": named}}
    data = document.get("event_data")
    if isinstance(data, dict) and (merged := _merged(data.get("data"))):
        return {**document, "event_data": merged}
    return document


def _data(text: str) -> dict[str, Value] | None:
    if text.startswith("<"):
        return event_data(text)
    try:
        data: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _named(elements: Value) -> dict[str, Value]:
    """Objects that each have a name and a text as one object. (Shapes exclude these names: so typed decoding does.)"""
    named: dict[str, Value] = {}
    for element in [elements] if isinstance(elements, dict) else elements if isinstance(elements, list) else []:
        if isinstance(element, dict):
            name = next((found for key in _NAMES if isinstance(found := element.get(key), str) and found), None)
            if name is not None:
                named.setdefault(name, next((element[key] for key in _CONTENTS if key in element), None))
    return named


def _merged(elements: Value) -> dict[str, Value]:
    """Objects that each have one member as one object."""
    merged: dict[str, Value] = {}
    for element in elements if isinstance(elements, list) else []:
        if isinstance(element, dict) and len(element) == 1:
            merged.update((key, value) for key, value in element.items() if key not in merged)
    return merged
