"""The source itself, carried out: with our actions, the demo's findings and a real Roundup."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.doors.scenario import Scenario, scenario

from exfilwatch.config import Settings
from exfilwatch.errors import CaseError, ExfilwatchError
from exfilwatch.findings.incident import Incident
from exfilwatch_playbooks.actions.perform import perform
from exfilwatch_playbooks.opened import context
from exfilwatch_playbooks.playbook.model import Ask, Person
from exfilwatch_playbooks.playbook.running import People, Way, carry_out
from exfilwatch_playbooks.playbook.source import incident
from exfilwatch_playbooks.polls import poll_once

ENRICH = ["findings", "facts", "plan", "related", "report"]


class Answers(People):
    """Somebody who answers so, and nothing to what is not in here."""

    def __init__(self, **answers: str) -> None:
        self.answers, self.did = answers, list[str]()

    async def answer(self, question: Ask) -> str | None:
        if question.id not in self.answers:
            await asyncio.Event().wait()
        return self.answers[question.id]

    async def do(self, step: Person) -> None:
        self.did.append(step.id)


@pytest.fixture(scope="module")
def site() -> Iterator[Scenario]:
    with scenario() as made:

        async def polled() -> None:
            async with context(Settings(**made.values)) as work:
                (done,) = await poll_once(work)
                assert done.errors == []

        asyncio.run(polled())
        yield made


def went(site: Scenario, people: People, found: Incident) -> Way:
    """The way that the playbook goes for an incident."""
    way = Way()

    async def through() -> None:
        async with context(Settings(**site.values)) as work:

            async def performed(action: str, given: dict[str, Any]) -> dict[str, Any]:
                return (await perform(action, given, work)).model_dump(mode="json")

            given = {"incident": found.id, "finding": found.findings[0]}
            await carry_out(incident(), given, performed, people, way)

    asyncio.run(through())
    return way


def steps(way: Way) -> list[str]:
    """Those that ran together in the order of the source."""
    return [*sorted((name for name, _ in way.steps[:4]), key=ENRICH.index), *(name for name, _ in way.steps[4:])]


def test_from_an_incident_to_a_case_that_is_closed(site: Scenario) -> None:
    people = Answers(verdict="true-positive", approve="yes", finished="yes")
    way = went(site, people, site.gravest())
    after = [
        "verdict",
        "confirmed",
        "grave",
        "approve",
        "contain",
        "needed",
        "open",
        "follow",
        "told",
        "finished",
        "close",
    ]
    assert steps(way) == ENRICH + after
    assert people.did == ["contain", "follow"]
    case = next(each for each in site.cases() if each["key"] == site.gravest().id)
    assert case["status"] == "resolved"
    assert all(not said.startswith("failed") for _, said in way.steps)


def test_what_is_harmless_gets_a_mark_and_no_case(site: Scenario) -> None:
    before, another = len(site.cases()), site.store().incidents()[-1]
    way = went(site, Answers(verdict="benign"), another)
    assert steps(way) == [*ENRICH, "verdict", "benign", "needed"]
    assert site.store().marks([another.findings[0]])[another.findings[0]].disposition.value == "benign"
    assert len(site.cases()) == before


def test_nobody_answers_and_the_incident_is_not_lost(site: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = {"within": timedelta(milliseconds=10)}
    hurried = incident().model_copy(
        update={"steps": [each.model_copy(update=soon) if each.id == "verdict" else each for each in incident().steps]}
    )
    monkeypatch.setattr("tests.playbook.test_running.incident", lambda: hurried)
    way = went(site, Answers(finished="no"), site.gravest())
    assert ("verdict", "nobody answered: Cannot say yet") in way.steps
    assert steps(way) == [*ENRICH, "verdict", "needed", "open", "follow", "told", "finished"]
    assert all(not step.startswith("confirmed") for step, _ in way.steps)


def answered(approve: str = "yes", **failing: ExfilwatchError) -> tuple[Way, Answers, ExfilwatchError | None]:
    """With actions that answer nothing, or fail."""
    people, way = Answers(verdict="true-positive", approve=approve, finished="yes"), Way()

    async def performed(action: str, _given: dict[str, Any]) -> dict[str, Any]:
        if action in failing:
            raise failing[action]
        return {"summary": "done"}

    try:
        asyncio.run(carry_out(incident(), {"incident": "4b77", "finding": "3fa9"}, performed, people, way))
    except ExfilwatchError as error:
        return way, people, error
    return way, people, None


def test_a_host_is_only_cut_off_when_a_person_says_so() -> None:
    way, people, error = answered(approve="no")
    assert error is None
    assert "contain" not in steps(way)
    assert people.did == ["follow"]


def test_a_case_that_cannot_be_opened_is_put_right_by_a_person() -> None:
    way, people, error = answered(open_case=CaseError("the tracker is down"))
    assert error is None
    assert ("open", "failed: the tracker is down") in way.steps
    assert people.did == ["contain", "by_hand", "follow"]
    assert steps(way)[-4:] == ["follow", "told", "finished", "close"]


def test_what_cannot_be_found_out_stops_nothing_and_counts_as_grave() -> None:
    way, people, error = answered(**{name: ExfilwatchError("no") for name in ("enrich_finding", "make_report")})
    assert error is None
    assert ("grave", "facts.level is not known") in way.steps
    assert "contain" in people.did


def test_what_is_needed_stops_the_playbook() -> None:
    way, _, error = answered(list_findings=ExfilwatchError("the database is gone"))
    assert (str(error), steps(way)) == ("the database is gone", ["findings"])
