"""Polling a site through a faulty proxy, and what must hold after each poll and in the end."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.event import Event
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.store import Store
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.runs import Run
from exfilwatch.siem.siem import SECOND, Ask, Clock, Siem
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import open_cases

from .proxy import Schedule
from .sites import Site
from .story import HOUR, story

RULES_FILE = Path(__file__).parents[1] / "polling" / "rules.yml"
RULES = load([RULES_FILE])
_SINCE = 6 * HOUR * SECOND
_PATIENCE = 40  # polls of a SIEM that is healthy again


def poll(site: Site, url: str, store: Store, **settings: object) -> Run:
    """One poll by a new process, as it were, then its cases."""

    async def once() -> Run:
        siem = site.siem(url, **settings)
        try:
            run = await Poller(siem, RULES, store, since=_SINCE, clock=lambda: round(site.time() * SECOND)).once()
            await open_cases(store, Local(store))
            return run
        finally:
            await siem.close()

    return asyncio.run(once())


async def _events(siem: Siem) -> list[Event]:
    decoder = LineDecoder("site", Report())
    async with aclosing(siem.fetch(Ask(Clock.EVENT))) as batches:
        found = [event async for batch in batches for record in batch for event in decoder.feed(record, 0)]
    await siem.close()
    return found + decoder.finish()


def events(site: Site) -> list[Event]:
    """All that is there, once, read without faults."""
    return list({event.id: event for event in asyncio.run(_events(site.siem(site.url)))}.values())


def clean(found: list[Event]) -> list[str]:
    """The findings of one pass over all."""
    return sorted({finding(each).id for each in Engine(RULES, Report()).detect(found)})


def check_watermark(site: Site, store: Store, run: Run, put_before: int) -> None:
    """What is said to be read was read: each record before the watermark that is a finding by itself is one."""
    wanted = [record.text for record, at in site.put_in[:put_before] if record.alone and at < run.watermark and at >= 0]
    texts = {event.fields.get("CommandLine") for each in store.find() for event in each.events}
    missing = [text for text in wanted if text not in texts]
    assert not missing, f"the watermark {run.watermark} is beyond {missing}"


def check_end(site: Site, store: Store) -> None:
    """The oracle: the findings of one clean pass, each in one incident, each incident with one case."""
    assert sorted(each.id for each in store.find()) == clean(events(site))
    incidents = store.incidents()
    assert sorted(name for incident in incidents for name in incident.findings) == sorted(
        each.id for each in store.find()
    )
    assert not store.pending("local")
    local = Local(store)
    cases = [asyncio.run(local.find(incident.id)) for incident in incidents if incident.findings]
    assert all(cases)
    assert len({case.id for case in cases if case}) == len(cases)


def settle(site: Site, url: str, store: Store, **settings: object) -> Run:
    """Poll a SIEM that is healthy again until nothing is left."""
    for _ in range(_PATIENCE):
        run = poll(site, url, store, **settings)
        if not run.left and not run.problem:
            break
    assert (run.left, run.problem) == (0, ""), run
    return run


def live_through(site: Site, store: Store, schedule: Schedule, seed: int, polls: int = 2, **settings: object) -> None:
    """A story, polled through faults after each step, and at last without any."""
    with site.proxy(schedule) as proxy:
        now = 0
        for step in story(seed):
            now = step.now
            site.move(now)
            for record in step.records:
                site.put(record)
            for _ in range(polls):
                put_before = len(site.put_in)
                check_watermark(site, store, poll(site, proxy.url, store, **settings), put_before)
        proxy.healed = True
        site.move(now + HOUR)
        check_watermark(site, store, settle(site, proxy.url, store, **settings), len(site.put_in))
    check_end(site, store)
