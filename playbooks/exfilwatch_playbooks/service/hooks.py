"""Webhooks: each incident is told to who wants it, and later what is new about it, as signed CloudEvents.

What a receiver did not take (anything but 2xx) is told again, ever more slowly, also after a new start: news are kept
until they are taken. After an answer that was lost, the same event comes again with the same id.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from exfilwatch.errors import CaseError, CaseRefused, ConfigError, ExfilwatchError
from exfilwatch.polling.logs import log
from exfilwatch.written import wrong
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.settings import Level
from exfilwatch_playbooks.cases.webhook import TAKEN, WebhookSettings, event, event_id
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from exfilwatch_playbooks.handover import Handed
    from exfilwatch_playbooks.service.service import Service

_TYPE = "io.exfilwatch.incident."
_NEWS = timedelta(days=1)  # what ended before a webhook was set up is no news for it
_LOOK, _FIRST, _LONGEST = 5.0, 10.0, 600.0  # seconds
_AT_ONCE = 20


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
        """Tell what is new, and how many news were taken. Raises CaseErrors when some were not."""
        from exfilwatch_playbooks.handover import news, taken

        since = self._service.clock() - _NEWS
        found = news(self._service.store, self._platform, lowest=self._set.level, since=since, limit=_AT_ONCE)
        http = Http(f"webhook {self._name}", self._set, transport=self._transport)
        refused: CaseRefused | None = None
        told = 0
        try:
            for each in found:
                kind = "merged" if each.incident.merged_into else "changed" if each.known else "new"
                mark = [finding.id for finding in each.findings] or [each.incident.merged_into or ""]
                name = event_id(kind, each.incident.id, *mark)
                content, headers = event(
                    self._set, name, f"{_TYPE}{kind}", each.incident.id, _said(each), self._service.clock()
                )
                try:
                    await http.change("POST", self._set.url, content=content, headers=headers, accept=TAKEN)
                except CaseRefused as error:  # of this one: the others may be taken
                    refused = error
                else:
                    taken(self._service.store, self._platform, [each])
                    told += 1
        finally:
            await http.close()
        if refused is not None:
            raise refused
        return told

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
