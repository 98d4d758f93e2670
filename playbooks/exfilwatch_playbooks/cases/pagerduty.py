"""PagerDuty, as a page only: Events API v2.

`dedup_key` is the incident's id: a second event with it joins the open alert there. Once it is resolved, the same key
opens a new one, which is what a reopened case means. An event that was taken is answered 202 with its key; that is all
that can be known without another key of another API. Source: developer.pagerduty.com, Events API v2 (send an alert
event), PD-CEF.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import httpx
import msgspec
from pydantic import Field, SecretStr

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.siem.connection import Url
from exfilwatch.structs import ready
from exfilwatch_playbooks.cases.case import Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.levels import words
from exfilwatch_playbooks.cases.oneway import OneWay
from exfilwatch_playbooks.cases.render.plain import PLAIN
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities

_SUMMARY = 1024  # characters, by the API
_DETAIL = 60_000  # characters: an event is at most 512 KB
_SEVERITY = {"informational": "info", "low": "info", "medium": "warning", "high": "error", "critical": "critical"}
_NONE: Mapping[str, str] = MappingProxyType({})
_TEST = "exfilwatch-connectivity"


class PagerDutySettings(Remote):
    """`routing_key`: the integration key of a service's Events API v2 integration, 32 characters. `source`: what the
    alert says it is about, where no host is known.
    """

    lacks = MappingProxyType(
        {
            "labels": "alerts of PagerDuty have no labels: use `fields`",
            "assignee": "who is paged, the service's escalation policy says",
        }
    )
    url: Url = "https://events.pagerduty.com"
    routing_key: Annotated[SecretStr, Field(min_length=32, max_length=32)]
    source: str = "exfilwatch"


class _Answer(msgspec.Struct):
    status: str = ""
    message: str = ""
    dedup_key: str = ""
    errors: list[str] = []


class PagerDuty(OneWay):
    """Opens, extends and resolves alerts."""

    kind = "pagerduty"
    renderer = PLAIN
    capabilities = Capabilities(unique=True, reads_notes=False, attachments=False)
    Settings = PagerDutySettings

    def __init__(
        self,
        name: str,
        settings: PagerDutySettings,
        _store: object = None,
        *,
        transport: Transport = None,
    ) -> None:
        super().__init__(name, settings)
        self._set = settings
        self._http = Http(name, settings, explain=_explain, reading=_reading, transport=transport)
        self._words = words(_SEVERITY, settings.severity)

    async def probe(self) -> Account:
        """The resolution of an alert that never was is taken, and does nothing; a key of the wrong form is refused."""
        await self._send({"event_action": "resolve", "dedup_key": _TEST})
        remark = "whether the key belongs to a service is shown by the first page only"
        return Account(who="an integration key", where=self._set.url, remarks=(remark,))

    async def tell_opened(self, draft: Draft) -> None:
        """Trigger an alert."""
        await self._send(self._trigger(draft.key, draft.title, draft.level, draft.body, draft.fields))

    async def tell_note(self, case_id: str, note: Note) -> None:
        """Another event of the same alert, which shows as a line of its log; of a duplicate none."""
        if note.duplicate_of is None:
            title = (await self.get(case_id)).title or f"Incident {case_id}: more was found"
            await self._send(self._trigger(case_id, title, note.level or "medium", note.text))

    async def tell_status(self, case_id: str, status: Status) -> None:
        """Resolve it; what is opened again pages again."""
        if status == "open":
            case = await self.get(case_id)
            title = case.title or f"Incident {case_id} goes on"
            await self._send(self._trigger(case_id, title, case.level or "medium", "New evidence came."))
        else:
            await self._send({"event_action": "resolve", "dedup_key": case_id})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _trigger(
        self, key: str, title: str, level: str, text: str, more: Mapping[str, str] = _NONE
    ) -> dict[str, object]:
        payload = {
            "summary": title[:_SUMMARY] or "exfilwatch",
            "source": self._set.source,
            "severity": self._words[level],
            "component": "exfilwatch",
            "class": "data exfiltration",
            "custom_details": {**more, "incident": key, "text": text[:_DETAIL]},
        }
        return {"event_action": "trigger", "dedup_key": key, "payload": payload, "client": "exfilwatch"}

    async def _send(self, event: dict[str, object]) -> None:
        key = self._set.routing_key.get_secret_value()
        body = {"routing_key": key, **event}
        answer = await self._http.change("POST", "/v2/enqueue", json=body, accept=frozenset({202}))
        said = self._http.decoded(answer, _Answer)
        if said.status != "success" or said.dedup_key not in ("", event["dedup_key"]):
            raise CaseRefused(f"{self.name}: the event was answered with {said.status}: {said.message}")


def _explain(response: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(response.content, type=ready(_Answer))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return "; ".join([said.message, *said.errors])


def _reading(response: httpx.Response) -> CaseError | None:
    """400 says which part of an event is wrong; the key is a person's to mend."""
    said = _explain(response)
    if response.status_code == 400 and "routing_key" in said:
        return CaseBlocked(f"PagerDuty does not take the integration key: {said}: check `routing_key`")
    if response.status_code == 403:  # by the documentation: too many events for this key
        return CaseUnreachable(f"PagerDuty asks to wait: {said}", 60.0, sent=False)
    return None
