"""Records within records: rows of log tables and of log shippers whose one field holds the event as it was logged.

- Log Analytics Syslog (`SyslogMessage`), journald (`MESSAGE`), Splunk (`_raw`), shippers (`message`, `log`): a text.
- WindowsEvent and Event (Log Analytics): `EventData` as JSON or XML in a text, here as the evtx package would give it.

Sources: https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/syslog (and /windowsevent, /event).
"""

from typing import NamedTuple

import msgspec

from exfilwatch.events.event import Value
from exfilwatch.events.event_xml import event_data

_TEXTS = ("SyslogMessage", "_raw", "message", "Message", "MESSAGE", "msg", "log", "RawData", "RawMessage")
_HOSTS = ("Computer", "HostName", "hostname", "Hostname", "_HOSTNAME", "host")


class Envelope(NamedTuple):
    """A text to be read as a line of its own, and the host that the record around it names."""

    text: str
    host: str | None


def envelope(document: dict[str, Value]) -> Envelope | None:
    """The text in a record that may be an event; None when there is none."""
    for name in _TEXTS:
        text = document.get(name)
        if isinstance(text, str) and text:
            host = next((found for key in _HOSTS if isinstance(found := document.get(key), str) and found), None)
            return Envelope(text, host)
    return None


def windows_row(document: dict[str, Value]) -> dict[str, Value] | None:
    """A row of WindowsEvent or Event in the form of an EVTX record; None when it is neither."""
    channel = document.get("Channel") or document.get("EventLog")
    text, number = document.get("EventData"), document.get("EventID")
    if not channel or number is None or not isinstance(text, str):
        return None
    data = _data(text)
    if data is None:
        return None
    system: dict[str, Value] = {
        "Provider": {"#attributes": {"Name": document.get("Provider") or document.get("Source")}},
        "EventID": number,
        "Level": document.get("EventLevel"),
        "Task": document.get("Task"),
        "Keywords": document.get("Keywords"),
        "TimeCreated": {"#attributes": {"SystemTime": document.get("TimeGenerated")}},
        "EventRecordID": document.get("EventRecordId") or document.get("EventOriginId"),
        "Channel": channel,
        "Computer": document.get("Computer"),
        "Security": {"#attributes": {"UserID": document.get("SystemUserId")}},
    }
    return {"Event": {"System": system, "EventData": data}}


def _data(text: str) -> dict[str, Value] | None:
    if text.startswith("<"):
        return event_data(text)
    try:
        data: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
