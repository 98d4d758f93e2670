"""One case per incident: however often it is opened, after any crash, from several processes at once."""

import asyncio
import json
import subprocess
import sys
from collections import Counter

import pytest

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.errors import CaseRefused, CaseUnreachable
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases import body, opening
from exfilwatch_playbooks.cases.case import Draft, Note
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import Outcome, open_cases
from exfilwatch_playbooks.cases.system import Creation

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .now import now, open_now


@pytest.fixture
def store(database: str) -> Store:
    return Store(database)


@pytest.fixture
def cases(store: Store) -> Local:
    return Local(store)


def done(outcomes: list[Outcome]) -> list[tuple[str, int]]:
    return [(outcome.did, outcome.findings) for outcome in outcomes]


def test_each_incident_gets_a_case_that_knows_its_findings(store, cases):
    store.save([make("a"), make("b", 5), make("c", host="WS2")])
    outcomes = open_now(store, cases)
    assert Counter(done(outcomes)) == {("opened", 2): 1, ("opened", 1): 1}
    for outcome in outcomes:
        assert outcome.case is not None
        incident = store.incident(outcome.incident)
        assert set(outcome.case.findings) == set(incident.findings)
        assert (outcome.case.level, outcome.case.incident) == (incident.level, incident.id)
        assert "## What happened" in outcome.case.body


def test_running_again_does_nothing(store, cases):
    store.save([make("a")])
    open_now(store, cases)
    before = now(cases.list())
    assert open_now(store, cases) == []
    assert store.save([make("a")]) == []
    assert open_now(store, cases) == []
    assert now(cases.list()) == before


def test_the_incident_that_was_seen_first_is_opened_first(store, cases):
    store.save([make("late", 500)])
    store.save([make("early", 0)])
    assert [outcome.case.findings for outcome in open_now(store, cases)] == [(make("late").id,), (make("early").id,)]


def test_findings_that_come_later_are_a_note_and_raise_the_severity(store, cases):
    store.save([make("a")])
    open_now(store, cases)
    store.save([make("b", 5), make("c", 9, branch="archive_then_network")])
    (outcome,) = open_now(store, cases)
    assert (outcome.did, outcome.findings) == ("extended", 2)
    (case,) = now(cases.list())
    assert outcome.case == case
    assert (case.level, len(case.findings), len(case.notes)) == ("high", 3, 1)
    assert "**2 more findings**" in case.notes[0].text
    assert "raised by one step" in case.notes[0].text
    assert "Rule archive" in case.notes[0].text
    assert open_now(store, cases) == []


def test_an_incident_waits_for_a_finding_of_the_level_that_opens_a_case_and_then_has_all(store, cases):
    store.save([make("a", level="low")])
    assert open_now(store, cases, lowest="medium") == []
    store.save([make("b", 5, level="medium"), make("c", host="WS2", level="low")])
    (outcome,) = open_now(store, cases, lowest="medium")
    assert (outcome.did, outcome.findings) == ("opened", 2)
    assert open_now(store, cases, lowest="medium") == []
    assert done(open_now(store, cases)) == [("opened", 1)]


def test_a_case_that_is_open_gets_its_notes_whatever_their_level(store, cases):
    store.save([make("a", level="high")])
    open_now(store, cases, lowest="high")
    store.save([make("b", 5, level="low")])
    assert done(open_now(store, cases, lowest="high")) == [("extended", 1)]


def test_severity_is_never_lowered(store, cases):
    """An analyst may have raised it."""
    store.save([make("a")])
    (opened,) = open_now(store, cases)
    now(cases.add_note(opened.case.id, Note(key="analyst", text="this is the crown jewels", level="critical")))
    store.save([make("b", 5)])
    open_now(store, cases)
    assert now(cases.list())[0].level == "critical"


def test_a_merged_incidents_case_becomes_a_duplicate_of_the_one_that_goes_on(store, cases):
    store.save([make("late", 110)])
    store.save([make("early", 0, level="high")])
    older, younger = (outcome.case for outcome in open_now(store, cases))
    store.save([make("between", 55)])
    assert done(open_now(store, cases)) == [("extended", 2), ("duplicate", 0)]
    goes_on, gone = now(cases.get(older.id)), now(cases.get(younger.id))
    assert (goes_on.status, len(goes_on.findings), goes_on.level) == ("open", 3, "high")
    assert (gone.status, gone.duplicate_of) == ("duplicate", older.id)
    assert f"Go on in case `{older.id}`" in gone.notes[0].text
    assert open_now(store, cases) == []


def test_an_incident_that_was_merged_before_it_had_a_case_gets_none(store, cases):
    for finding in (make("late", 110), make("early", 0), make("between", 55)):
        store.save([finding])
    assert done(open_now(store, cases)) == [("opened", 3), ("known", 0)]
    assert len(now(cases.list())) == 1
    assert open_now(store, cases) == []


def test_a_case_that_vanished_is_opened_again_with_all_findings(store, tmp_path):
    store.save([make("a")])
    open_now(store, Local(store))
    other = Named(Local(Store(str(tmp_path / "other.sqlite"))))
    store.save([make("b", 5)])
    assert done(open_now(store, other)) == [("opened", 2)]


def test_rules_bring_their_guides(store, cases):
    store.save([make("a")])
    rule = RuleInfo("rule-transfer_tool", "Rule transfer_tool", guide="1. Ask the *owner*.")
    (outcome,) = open_now(store, cases, rules={rule.id: rule})
    assert "1. Ask the *owner*." in outcome.case.body


class Named(Local):
    """A case system that does as another one does."""

    def __init__(self, cases: Local) -> None:
        self.__dict__.update(cases.__dict__)
        self.cases = cases


class Refusing(Named):
    """Refuses the drafts of one host."""

    async def create(self, draft: Draft) -> Creation:
        if "WS2" in draft.title:
            raise CaseRefused("too long: shorten it")
        return await super().create(draft)


def test_what_the_case_system_refuses_stays_pending_and_costs_the_others_nothing(store, cases):
    store.save([make("a"), make("b", host="WS2"), make("c", host="WS3")])
    outcomes = open_now(store, Refusing(cases))
    assert Counter(outcome.did for outcome in outcomes) == {"opened": 2, "failed": 1}
    (failed,) = (outcome for outcome in outcomes if outcome.did == "failed")
    assert str(failed.error) == "too long: shorten it"
    assert done(open_now(store, cases)) == [("opened", 1)]


class Faster(Named):
    """Somebody with a store of his own does the same just before each of our calls."""

    def __init__(self, cases: Local, store: Store) -> None:
        super().__init__(cases)
        self.store = store

    async def create(self, draft: Draft) -> Creation:
        await open_cases(self.store, self.cases)
        return await super().create(draft)

    async def add_note(self, case_id: str, note: Note) -> bool:
        await open_cases(self.store, self.cases)
        return await super().add_note(case_id, note)


def test_what_somebody_else_did_first_is_not_done_again(store, cases, tmp_path):
    other = Store(str(tmp_path / "other.sqlite"))
    for each in (store, other):
        each.save([make("a")])
    assert done(open_now(store, Faster(cases, other))) == [("known", 0)]
    for each in (store, other):
        each.save([make("b", 5)])
    assert done(open_now(store, Faster(cases, other))) == [("known", 0)]
    (case,) = now(cases.list())
    assert (len(case.findings), len(case.notes)) == (2, 1)


class Older(Named):
    """Another process adds a note of some of the findings just before ours of all."""

    async def add_note(self, case_id: str, note: Note) -> bool:
        await self.cases.add_note(case_id, Note(key="other", text="x", findings=note.findings[:1]))
        return await super().add_note(case_id, note)


def test_what_another_processs_note_left_out_is_told(store, cases):
    store.save([make("a")])
    open_now(store, cases)
    store.save([make("b", 5), make("c", 6)])
    assert done(open_now(store, Older(cases))) == [("extended", 1)]
    (case,) = now(cases.list())
    assert (len(case.findings), len(case.notes)) == (3, 2)


class Merging(Named):
    """While we open a case, another process saves the finding that merges its incident, and finds no case to mark."""

    def __init__(self, cases: Local, store: Store) -> None:
        super().__init__(cases)
        self.store = store

    async def create(self, draft: Draft) -> Creation:
        if self.store.save([make("between", 55)]):
            await open_cases(self.store, self.cases)
        return await super().create(draft)


@pytest.mark.parametrize("first", ["late", "early"])
def test_a_case_that_is_opened_while_its_incident_is_merged_becomes_a_duplicate(store, cases, first, monkeypatch):
    monkeypatch.setattr(opening, "_PATIENCE", 0)  # the incident is held until its case is open
    both = [make("late", 110), make("early", 0)]
    both.sort(key=lambda finding: finding.events[0].id != first)
    store.save(both[:1])
    open_now(store, cases)
    store.save(both[1:])
    open_now(store, Merging(cases, store))
    open_now(store, cases)
    assert Counter(case.status for case in now(cases.list())) == {"open": 1, "duplicate": 1}
    assert store.pending("local") == []


class Stubborn(Named):
    """Says that it has a note, and does not know its findings."""

    async def add_note(self, case_id: str, note: Note) -> bool:
        return False


def test_what_comes_while_a_case_that_is_written_waits_for_its_turn_is_in_it(store, monkeypatch):
    """Cases are written while others are opened; one that is no longer true is written anew."""
    store.save([make("a")])
    store.save([make("b", 5, host="WS2")])
    written: list[int] = []

    class Slow(Local):
        async def create(self, draft: Draft) -> Creation:
            async with asyncio.timeout(60):
                while len(written) < 2:  # of the incident that waits, by another thread
                    await asyncio.sleep(0)
            store.save([make("c", 9, host="WS2")])
            return await super().create(draft)

    def draft(incident: Incident, findings: list[Finding], *others: object) -> Draft:
        written.append(len(findings))
        return body.draft(incident, findings, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "draft", draft)
    assert done(open_now(store, Slow(store))) == [("opened", 1), ("opened", 2)]
    assert written == [1, 1, 2]


def test_a_case_that_never_takes_its_findings_fails_rather_than_loops(store, cases):
    store.save([make("a")])
    open_now(store, cases)
    store.save([make("b", 5)])
    (outcome,) = open_now(store, Stubborn(cases))
    assert outcome.did == "failed"
    assert "does not take the findings" in str(outcome.error)
    assert done(open_now(store, cases)) == [("extended", 1)]


class Crash(BaseException):
    """The process ends here."""


class Crashing(Named):
    """Does what it is asked in one of its calls, and the answer is lost."""

    def __init__(self, cases: Local, call: str) -> None:
        super().__init__(cases)
        self.call = call

    async def create(self, draft: Draft) -> Creation:
        created = await super().create(draft)
        self._lose("create")
        return created

    async def add_note(self, case_id: str, note: Note) -> bool:
        added = await super().add_note(case_id, note)
        self._lose("duplicate" if note.duplicate_of else "note")
        return added

    def _lose(self, call: str) -> None:
        if call == self.call:
            raise Crash


def story(call: str) -> list[list[Finding]]:
    """What is saved before each of the runs; the last of them makes the call."""
    start = [[make("late", 110)], [make("early", 0)], [make("between", 55)]]
    return {"create": start[:1], "note": [start[0], [make("later", 115)]], "duplicate": start}[call]


@pytest.mark.parametrize("call", ["create", "note", "duplicate"])
def test_a_crash_between_there_and_here_leaves_nothing_to_do_twice(store, cases, call):
    *before, last = story(call)
    for findings in before:
        store.save(findings)
        open_now(store, cases)
    store.save(last)
    with pytest.raises(Crash):
        open_now(store, Crashing(cases, call))
    after = now(cases.list())
    assert store.pending("local")
    assert {outcome.did for outcome in open_now(store, cases)} == {"known"}
    assert now(cases.list()) == after
    assert open_now(store, cases) == []


DYING = """
import asyncio, os, sys
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import open_cases
database, call, when = sys.argv[1:]
owner = {"tell_in": Store, "finish": Links}.get(call, Local)
real = getattr(owner, call)
def dies(*args, **given):
    if when == "after":
        real(*args, **given)
    os._exit(9)
async def dies_later(*args, **given):
    if when == "after":
        await real(*args, **given)
    os._exit(9)
setattr(owner, call, dies_later if owner is Local else dies)
store = Store(database)
asyncio.run(open_cases(store, Local(store)))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("create", "create"),
        ("add_note", "note"),
        ("add_note", "duplicate"),
        ("tell_in", "create"),
        ("finish", "create"),
    ],
)
def test_a_process_that_dies_is_made_up_for_by_the_next(database, call, told, when):
    store = Store(database)
    cases = Local(store)
    *before, last = story(told)
    for findings in before:
        store.save(findings)
        open_now(store, cases)
    store.save(last)
    if told == "duplicate":
        # The survivor's note first, so that the next one is the duplicate's.
        open_now(store, NoDuplicates(cases))
    died = subprocess.run([sys.executable, "-c", DYING, database, call, when], timeout=60)
    assert died.returncode == 9
    open_now(store, cases)
    assert store.pending("local") == []
    check(store, cases)
    assert len(now(cases.list())) == (2 if told == "duplicate" else 1)
    assert sum(len(case.notes) for case in now(cases.list())) == {"create": 0, "note": 1, "duplicate": 2}[told]


class NoDuplicates(Named):
    """Refuses to mark duplicates."""

    async def add_note(self, case_id: str, note: Note) -> bool:
        if note.duplicate_of:
            raise CaseUnreachable("not now")
        return await super().add_note(case_id, note)


def check(store: Store, cases: Local) -> None:
    """Each incident has one open case with exactly its findings; what else there is are duplicates of those."""
    incidents = {incident.id: incident for incident in store.incidents()}
    for case in now(cases.list()):
        if case.status == "open":
            assert set(case.findings) == set(incidents.pop(case.incident).findings)
            assert Counter(case.findings).most_common(1)[0][1] == 1
        else:
            assert case.incident not in incidents
            assert case.duplicate_of is not None
            assert now(cases.get(case.duplicate_of)).status == "open"
    assert incidents == {}


OPENING = """
import asyncio, json, sys
from pathlib import Path
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.opening import open_cases
store = Store(sys.argv[1])
cases = Local(store)
did = []
for raw in json.loads(Path(sys.argv[2]).read_text()):
    store.save([Finding.model_validate(raw)])
    outcomes = asyncio.run(open_cases(store, cases))
    did += [[outcome.did, outcome.case and outcome.case.id, str(outcome.error)] for outcome in outcomes]
print(json.dumps(did))
"""


def test_processes_at_once_open_one_case_each_and_tell_each_finding_once(database, tmp_path):
    times = [number * 50 % 997 for number in range(24)]
    findings = [make(str(number), time, host=f"WS{number % 2}") for number, time in enumerate(times)]
    running = []
    for process in range(4):
        given = tmp_path / f"{process}.json"
        turned = findings[process * 6 :] + findings[: process * 6]
        given.write_text(json.dumps([finding.model_dump(mode="json") for finding in turned]))
        arguments = [sys.executable, "-c", OPENING, database, given]
        running.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
    did = [each for process in running for each in json.loads(process.communicate(timeout=180)[0])]
    store = Store(database)
    cases = Local(store)
    open_now(store, cases)
    assert [error for what, _, error in did if what == "failed" and "run again" not in error] == []
    opened = [case for what, case, _ in did if what == "opened"]
    assert len(opened) == len(set(opened)) == len(now(cases.list()))
    assert store.pending("local") == []
    check(store, cases)
