"""Webhooks: each incident is told to who wants it, and later what is new about it, as signed CloudEvents.

What a receiver did not take (anything but 2xx) is told again, ever more slowly, also after a new start: news are kept
until they are taken. Of several services on one database one tells a receiver, and another when that one is gone. After
an answer that was lost, or a service that was killed while it waited for one, the same event comes again with the same
id.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from exfilwatch.errors import CaseError, CaseRefused, ConfigError, ExfilwatchError
from exfilwatch.polling.logs import log
from exfilwatch.written import wrong
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.settings import Level
from exfilwatch_playbooks.cases.webhook import TAKEN, WebhookSettings, event, event_id
from exfilwatch_playbooks.service.claims import ClaimLost, Held
from exfilwatch_playbooks.service.outbox import Event, Outbox
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from exfilwatch_playbooks.handover import Handed
    from exfilwatch_playbooks.service.service import Service

_TYPE = "io.exfilwatch.incident."
_NEWS = timedelta(days=1)  # what ended before a webhook was set up is no news for it
_LOOK, _FIRST, _LONGEST = 5.0, 10.0, 600.0  # seconds
_AT_ONCE = 20
_SLACK = timedelta(seconds=30)  # beside the time that a request may take


class HookSettings(WebhookSettings):
    """`level`: incidents of this level and above."""

    kind: str = "webhook"
    level: Level = "informational"


def hooks(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, HookSettings]:
    """The webhooks of the settings, by name. Raises ConfigError."""
    found = {}
    for name, table in tables.items():
        try:
            found[name] = HookSettings.model_validate(table)
        except ValidationError as error:
            raise ConfigError(f"serve.webhook.{name}: {wrong(error, ('url', 'secret', 'source', 'level'))}") from None
    return found


class Hook:
    """One receiver."""

    def __init__(self, name: str, settings: HookSettings, service: "Service", transport: Transport = None) -> None:
        self._platform = f"webhook.{name}"
        self._name, self._set, self._service, self._transport = name, settings, service, transport

    async def deliver(self) -> int:
        """Tell what is new, and how many news were taken: none where another service is at it. Raises CaseErrors when
        some were not taken.
        """
        claims, lease = self._service.claims, self._set.timeout + _SLACK
        held = claims.take(self._platform, lease, lease)
        if not isinstance(held, Held):
            return 0
        http = Http(f"webhook {self._name}", self._set, transport=self._transport)
        try:
            return await self._told(http, held, lease)
        finally:
            await http.close()
            claims.release(held)

    async def _told(self, http: Http, held: Held, lease: timedelta) -> int:
        from exfilwatch_playbooks.handover import told

        outbox, refused, count = Outbox(self._service.store.database, self._service.claims, self._platform), None, 0
        for each in self._news(outbox):
            try:
                outbox.sending(held, lease, each)
                await self._send(http, each)
                told(self._service.store, self._platform, each.incident, each.findings, each.merged_into)
                outbox.taken(held, lease, each)
            except CaseRefused as error:  # of this one: the others may be taken
                refused = error
            except ClaimLost as error:  # this one stood still for long: another goes on with the rest
                log.warning("webhook was taken over", webhook=self._name, error=str(error))
                break
            else:
                count += 1
        if refused is not None:
            raise refused
        return count

    def _news(self, outbox: Outbox) -> Iterator[Event]:
        """What was not taken before, then what is new of other incidents."""
        from exfilwatch_playbooks.handover import news

        left, now = outbox.under_way(), self._service.clock()
        yield from left[:_AT_ONCE]
        known = {each.incident for each in left}
        most = _AT_ONCE + len(left)
        for each in news(self._service.store, self._platform, lowest=self._set.level, since=now - _NEWS, limit=most):
            if each.incident.id not in known:
                yield _event(each, now)

    async def _send(self, http: Http, each: Event) -> None:
        said = json.loads(each.data)
        now = self._service.clock()
        content, headers = event(self._set, each.id, f"{_TYPE}{each.kind}", each.incident, said, now, each.made)
        await http.change("POST", self._set.url, content=content, headers=headers, accept=TAKEN)

    async def go_on(self, workers: Workers, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
        """Deliver until this is cancelled."""
        wait = 0.0
        while True:
            try:
                told = await workers.run(self.deliver)
                wait = 0.0
                if told:
                    log.info("webhook told", webhook=self._name, incidents=told)
                    continue
            except (CaseError, ExfilwatchError) as error:
                wait = min(_LONGEST, max(_FIRST, 2 * wait))
                log.warning("webhook failed", webhook=self._name, error=str(error), again_in=wait)
            await sleep(wait or _LOOK)


def _event(each: "Handed", now: datetime) -> Event:
    merged, findings = each.incident.merged_into, tuple(finding.id for finding in each.findings)
    kind = "merged" if merged else "changed" if each.known else "new"
    name = event_id(kind, each.incident.id, *(findings or [merged or ""]))
    return Event(name, kind, each.incident.id, json.dumps(_said(each)), findings, merged, now)


def _said(each: "Handed") -> dict[str, object]:
    """What an event tells: enough to decide whether to ask for more."""
    return {
        "incident": each.incident.model_dump(mode="json"),
        "title": each.title,
        "level": each.level,
        "case": {"system": each.case_system, "id": each.case_id, "url": each.case_url} if each.case_id else None,
        "findings": [
            {
                "id": finding.id,
                "time": None if finding.time is None else finding.time.isoformat(),
                "level": finding.rule.level,
                "title": finding.rule.title,
                "branch": finding.rule.branch,
                "attack": finding.rule.attack,
                "host": finding.host,
                "user": finding.user,
            }
            for finding in each.findings
        ],
        "path": f"/v1/incidents/{each.incident.id}",
    }
