"""The local case system keeps what the protocol promises, also when several processes call it at once."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from exfilwatch.errors import CaseRefused, ConfigError
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Case, Draft, Note
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.system import CaseSystem

from .now import made, now

START = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)


def draft(incident: str = "i1", *findings: str) -> Draft:
    return Draft(
        incident=incident, title=f"Upload {incident}", level="medium", body="# What", findings=findings or ("f1",)
    )


@pytest.fixture
def cases(database: str) -> Local:
    times = (START + timedelta(minutes=minute) for minute in range(1000))
    return Local(Store(database), clock=lambda: next(times))


def test_it_is_a_case_system(cases):
    system: CaseSystem = cases
    assert system.name == "local"


def test_a_case_holds_its_draft(cases):
    case, new = made(cases, draft("i1", "f2", "f1", "f1"))
    assert new
    assert case == Case(
        id="1",
        incident="i1",
        title="Upload i1",
        level="medium",
        body="# What",
        status="open",
        opened=START,
        findings=("f1", "f2"),
    )
    assert now(cases.get("1")) == now(cases.find("i1")) == case


def test_an_incident_has_one_case_however_often_it_is_open_now(cases):
    first, _ = made(cases, draft("i1"))
    assert made(cases, draft("i1", "f7")) == (first, False)
    assert [case.id for case in now(cases.list())] == [first.id]


def test_an_incident_without_case_has_none(cases):
    assert now(cases.find("i1")) is None
    assert now(cases.list()) == []


def test_cases_are_listed_newest_first(cases):
    for incident in ("i1", "i2", "i3"):
        made(cases, draft(incident))
    assert [case.incident for case in now(cases.list())] == ["i3", "i2", "i1"]


def test_a_note_adds_to_what_the_case_knows_and_sets_its_level(cases):
    case, _ = made(cases, draft("i1", "f1"))
    assert now(cases.add_note(case.id, Note(key="k", text="more", findings=("f2",), level="high")))
    after = now(cases.get(case.id))
    assert (after.findings, after.level, after.status) == (("f1", "f2"), "high", "open")
    assert [(note.key, note.text, note.time) for note in after.notes] == [("k", "more", START + timedelta(minutes=1))]


def test_a_note_without_level_leaves_the_level(cases):
    case, _ = made(cases, draft())
    now(cases.add_note(case.id, Note(key="k", text="seen")))
    assert now(cases.get(case.id)).level == "medium"


@pytest.mark.parametrize(
    ("why", "note"),
    [
        ("its key is there", Note(key="k", text="other text", findings=("f9",))),
        ("one of its findings is there from the draft", Note(key="k2", text="x", findings=("f9", "f1"))),
        ("one of its findings is there from a note", Note(key="k3", text="x", findings=("f2", "f9"))),
    ],
)
def test_a_note_is_not_added_when(cases, why, note):
    case, _ = made(cases, draft("i1", "f1"))
    now(cases.add_note(case.id, Note(key="k", text="first", findings=("f2",))))
    before = now(cases.get(case.id))
    assert not now(cases.add_note(case.id, note)), why
    assert now(cases.get(case.id)) == before


def test_notes_of_two_cases_do_not_mix(cases):
    made(cases, draft("i1"))
    made(cases, draft("i2"))
    assert now(cases.add_note("1", Note(key="k", text="one")))
    assert now(cases.add_note("2", Note(key="k", text="two")))
    assert [[note.text for note in case.notes] for case in now(cases.list())] == [["two"], ["one"]]


def test_a_duplicate_points_to_the_case_that_goes_on(cases):
    made(cases, draft("i1"))
    made(cases, draft("i2"))
    assert now(cases.add_note("2", Note(key="merged", text="goes on as 1", duplicate_of="1")))
    assert (now(cases.get("2")).status, now(cases.get("2")).duplicate_of) == ("duplicate", "1")
    assert now(cases.get("1")).status == "open"


@pytest.mark.parametrize("unknown", ["7", "0", "-1", "", "one", "1.0", "१", "9" * 40, "1 or 1=1"])
def test_an_unknown_id_is_an_error_that_says_what_to_do(cases, unknown):
    made(cases, draft())
    calls = [
        lambda: now(cases.get(unknown)),
        lambda: now(cases.add_note(unknown, Note(key="k", text="x"))),
        lambda: (
            now(cases.add_note("1", Note(key="k", text="x", duplicate_of=unknown))) if unknown else now(cases.get(""))
        ),
    ]
    for call in calls:
        with pytest.raises(CaseRefused, match=r"no local case .*`exfilwatch cases list` shows"):
            call()
    assert now(cases.get("1")).notes == ()


def test_cases_of_a_newer_exfilwatch_are_refused(database):
    store = Store(database)
    Local(store)
    with store.database.write() as connection:
        connection.execute(text("UPDATE exfilwatch_cases_version SET version_num = '0099'"))
    with pytest.raises(ConfigError, match="written by a newer exfilwatch"):
        Local(store)


OPENER = """
import asyncio, sys
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Draft, Note
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.system import Created
cases = Local(Store(sys.argv[1]))
async def work():
    made = noted = 0
    for number in range(15):
        key = f"i{number}"
        drawn = Draft(incident=key, title="t", level="low", body="b", findings=("f",))
        created = await cases.create(drawn)
        made += isinstance(created, Created)
        noted += await cases.add_note(created.case_id, Note(key="k", text="x", findings=("g",)))
        noted += await cases.add_note(created.case_id, Note(key=sys.argv[2], text="x", findings=("h",)))
    print(made, noted)
asyncio.run(work())
"""


def test_processes_at_once_open_one_case_and_add_each_note_once(database):
    running = [
        subprocess.Popen([sys.executable, "-c", OPENER, database, f"key{each}"], stdout=subprocess.PIPE, text=True)
        for each in range(4)
    ]
    counts = [tuple(map(int, process.communicate(timeout=120)[0].split())) for process in running]
    assert [sum(column) for column in zip(*counts, strict=True)] == [15, 30]
    cases = now(Local(Store(database)).list())
    assert len(cases) == 15
    assert all((case.findings, len(case.notes)) == (("f", "g", "h"), 2) for case in cases)
