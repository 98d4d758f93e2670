"""The list: states, filters, order and pages, as the store has them."""

from datetime import UTC, datetime

import pytest
from tests.findings.made import make

from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.triage.incidents import SIZE, Asked, _standing, page, state_of

from .kept import incidents


@pytest.fixture
def store(tmp_path) -> Store:
    made = Store(str(tmp_path / "kept.sqlite"))
    Links(made.database, "tracker")
    return made


CASE = {"id": "7", "incident": "", "title": "", "level": "", "body": "", "opened": datetime(2026, 3, 12, tzinfo=UTC)}


def _case(store: Store, incident: str) -> Links:
    links = Links(store.database, "tracker")
    assert links.claim(incident) is not None
    links.put(incident, case_id="7", url="https://tracker.example/7")
    links.finish(incident)
    return links


def hosts(store: Store, **asked: object) -> list[str | None]:
    return [row.host for row in page(store, Asked(**asked)).rows]


def test_an_incident_is_open_then_with_a_case_then_to_be_judged_then_closed_and_open_to_what_is_new(store) -> None:
    incidents(store, 1)
    (one,) = store.incidents()
    assert state_of(store, one.id) == "open"
    links = _case(store, one.id)
    assert state_of(store, one.id) == "case"
    links.saw(one.id, Case(**CASE, status="closed"))
    assert state_of(store, one.id) == "judge"
    links.claim(one.id)
    links.put(one.id, look_again=0)
    assert state_of(store, one.id) == "judge"
    store.mark(one.findings[0], Disposition.BENIGN, "backup")
    assert state_of(store, one.id) == "closed"
    links.put(one.id, mark="note", telling=["a finding"])
    assert state_of(store, one.id) == "case"


def test_one_that_is_judged_whole_is_closed(store) -> None:
    store.save([make("a"), make("b", 1)])
    (one,) = store.incidents()
    first, second = one.findings
    store.mark(first, Disposition.BENIGN, "backup")
    (row,) = page(store, Asked()).rows
    assert (row.state, row.findings, row.judged) == ("open", 2, 1)
    store.mark(second, Disposition.BENIGN, "backup")
    assert state_of(store, one.id) == "closed"
    assert page(store, Asked()).counts == {"open": 0, "case": 0, "judge": 0, "closed": 1}


def test_a_case_that_could_not_be_opened_leaves_it_open(store) -> None:
    incidents(store, 1)
    (one,) = store.incidents()
    links = Links(store.database, "tracker")
    links.claim(one.id)
    links.put(one.id, problem="the tracker is away")
    (row,) = page(store, Asked()).rows
    assert (row.state, row.cases[0].id, row.cases[0].problem) == ("open", "", "the tracker is away")


def test_the_gravest_come_first_then_the_newest(store) -> None:
    store.save(
        [
            make("a", 0, host="old", level="high"),
            make("b", 9000, host="new", level="high"),
            make("c", 5000, host="worst", level="critical"),
            make("d", None, host="timeless", level="critical"),
        ]
    )
    assert hosts(store) == ["worst", "timeless", "new", "old"]
    assert hosts(store, order="newest") == ["new", "worst", "old", "timeless"]
    assert hosts(store, order="oldest") == ["old", "worst", "new", "timeless"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"level": "high"}, ["ws-2"]),
        ({"text": "WS-1"}, ["ws-1"]),
        ({"text": "bob"}, ["ws-2"]),
        ({"text": "%"}, []),
        ({"text": "' OR 1=1 --"}, []),
        ({"text": "\0\ud800"}, []),
        ({"state": "closed"}, []),
        ({"state": ""}, ["ws-2", "ws-1"]),
    ],
)
def test_lists_are_narrowed(store, asked, found) -> None:
    store.save(
        [make("a", host="ws-1", level="low"), make("b", 9000, host="ws-2", user="CORP\\bob", level="high")],
    )
    assert hosts(store, **asked) == found


def test_an_incident_is_found_by_how_its_id_starts(store) -> None:
    incidents(store, 2)
    one = store.incidents()[0]
    assert hosts(store, text=one.id[:8].upper()) == [one.host]


def test_pages_follow_each_other_and_the_last_stands_for_those_beyond(store) -> None:
    incidents(store, SIZE + 3)
    first, second = page(store, Asked()), page(store, Asked(page=2))
    assert (len(first.rows), len(second.rows), first.pages, first.total) == (SIZE, 3, 2, SIZE + 3)
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}
    assert page(store, Asked(page=99)) == second


def test_an_incident_is_called_by_its_gravest_rule_and_the_earliest_of_these_as_its_case_is(store) -> None:
    store.save([make("a", level="low", branch="collection"), make("b", 1, level="high")])
    store.save([make("c", 2, level="high", branch="archive_then_network")])
    (row,) = page(store, Asked()).rows
    assert (row.title, row.rules) == ("Rule transfer_tool", 3)


def test_the_list_reads_no_finding_of_incidents_that_it_does_not_show(tmp_path) -> None:
    """Findings are long: with 100,000 of them, reading each to see whether it is judged took ten times as long."""
    store = Store(str(tmp_path / "kept.sqlite"))
    Links(store.database, "local")
    store.save([make("a")])
    asked = str(_standing(Asked()).compile(compile_kwargs={"literal_binds": True}))
    with store.database.read() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")]
    reading = [step for step in plan if step.startswith("SCAN findings")]
    assert reading
    assert all("USING COVERING INDEX" in step for step in reading), plan
