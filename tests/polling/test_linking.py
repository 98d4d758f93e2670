"""Process trees across polls: whatever comes in which order, the findings are those of one pass over everything."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.starts import EVERY_START, Sought
from exfilwatch.errors import PartialResult, Unreachable
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.store import Store
from exfilwatch.polling import reading, waiting
from exfilwatch.polling.linking import without
from exfilwatch.polling.poller import Poller
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, connection, events, process

RULES = load([Path(__file__).parent / "tree_rules.yml"])
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
SHELL = {"ParentImage": "bash", "User": "eva"}


def poll(siem, store):
    return asyncio.run(Poller(siem, RULES, store, since=4 * HOUR, clock=lambda: siem.clock).once())


def found(store):
    return sorted(each.id for each in store.find())


def said(store):
    return sorted((each.rule.title, each.rule.level, each.fields["Processes"]) for each in store.find())


def clean(records):
    return sorted({finding(each).id for each in Engine(RULES, Report()).detect(events(records))})


def started(minutes, host, command, pid, parent, **times):
    return process(START + minutes * MINUTE, host, command, ProcessId=pid, ParentProcessId=parent, **SHELL, **times)


PACKED, SENT = started(-30, "ws1", "archive", 11, 10), started(-20, "ws1", "sent", 13, 12)
LINK = started(-25, "ws1", "sh job.sh", 12, 10)


def test_starts_in_between_are_asked_for_near_what_matches_on_a_host_and_only_there(store):
    siem = MemorySiem([PACKED, SENT, LINK, started(-25, "ws2", "vim", 12, 10), started(-600, "ws1", "vim", 14, 10)])
    poll(siem, store)
    assert said(store) == [("Packed, then sent", "high", "of one process tree")]
    assert {each.host for ask in siem.asked if ask.rules == (EVERY_START,) for each in ask.near} == {"ws1"}
    assert found(store) == clean(siem.records)


def test_without_a_match_on_a_host_no_start_is_asked_for(store):
    siem = MemorySiem([PACKED, LINK])
    poll(siem, store)
    assert not any(ask.rules == (EVERY_START,) for ask in siem.asked)


def test_a_start_that_comes_later_makes_one_tree_of_two_and_one_finding_of_it(store):
    siem = MemorySiem([PACKED, SENT])
    poll(siem, store)
    assert said(store) == [("Packed, then sent", "medium", "of one host, but of different process trees")]
    (incident,) = store.incidents()
    siem.clock += HOUR
    siem.records.append(LINK._replace(ingest=siem.clock - 5 * MINUTE, searchable=0))
    run = poll(siem, store)
    assert run.superseded == 1
    assert said(store) == [("Packed, then sent", "high", "of one process tree")]
    assert [each.id for each in store.incidents()] == [incident.id]
    assert found(store) == clean(siem.records)


def test_a_process_id_that_another_process_got_in_between_connects_nothing(store):
    siem = MemorySiem(
        [
            PACKED,
            connection(START - 20 * MINUTE, "ws1", "203.0.113.1", ProcessId=12, User="eva"),
            started(-28, "ws1", "vim", 12, 90),
            started(-35, "ws1", "curl", 12, 10),
        ]
    )
    poll(siem, store)
    assert said(store) == [("Packed, then connected", "low", "of one host, but of different process trees")]
    assert found(store) == clean(siem.records)


def test_starts_are_forgotten_with_what_they_link(store):
    siem = MemorySiem([PACKED, SENT, LINK], late="1h", lookback="1h")
    poll(siem, store)
    for _ in range(3):
        siem.clock += 24 * HOUR
        poll(siem, store)
    with store.database.read() as connected:
        assert waiting.waiting_hits(connected) == 0


@pytest.mark.parametrize(
    ("had", "left"),
    [
        ((0, 5), [(6, 20)]),
        ((25, 30), [(10, 20)]),
        ((12, 14), [(10, 11), (15, 20)]),
        ((5, 30), []),
        ((0, 12), [(13, 20)]),
    ],
)
def test_what_was_sought_before_is_left_out(had, left):
    wanted = Sought("c", ("g",), "h", 10, 20)
    if had == (0, 5):
        wanted = wanted._replace(low=6)
    assert [(each.low, each.high) for each in without([wanted], [wanted._replace(low=had[0], high=had[1])])] == left
    assert without([wanted], [wanted._replace(group=("other",), low=0, high=99)]) == [wanted]


DELAYS = st.sampled_from([0, SECOND, 5 * MINUTE, 20 * HOUR])
PIDS = st.sampled_from(["", 10, 11, 12, 13])


PROCESSES = st.integers(1, 7)


def guid(name, process):
    """Of a process, by its number; the parent of a process has half its number."""
    return {name: f"{{0000000{process}-AAAA-0000-0000-000000000000}}"} if process else {}


@st.composite
def histories(draw, guids=False):
    """Records over three hours, some late, of a few processes whose ids are given anew now and then; with `guids`, most
    of them tell their process and its parent by one."""
    records = []
    for n in range(draw(st.integers(0, 12))):
        time = START + draw(st.integers(0, 36)) * 5 * MINUTE
        host, user = draw(st.sampled_from(["ws1", "ws1", "ws2"])), draw(st.sampled_from(["eva", "eva", "root"]))
        fields = {"ProcessId": draw(PIDS), "User": user, "ingest": time + draw(DELAYS)}
        fields["searchable"] = fields["ingest"] + draw(st.sampled_from([0, 40 * SECOND]))
        number = draw(PROCESSES) if guids and draw(st.integers(0, 9)) else 0
        fields |= guid("ProcessGuid", number)
        what = draw(st.sampled_from(["archive", "sent", "vim", "sh", "connect"]))
        if what == "connect":
            records.append(connection(time, host, f"203.0.113.{n}", **fields))
        else:
            parent = {"ParentProcessId": draw(PIDS), "ParentImage": draw(st.sampled_from(["", "bash", "sshd"]))}
            parent |= guid("ParentProcessGuid", number // 2)
            records.append(process(time, host, f"{what} {n}", **fields, **parent))
    return records


def test_a_question_names_a_few_processes_however_many_are_sought(store, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_GUIDS", 2)
    records = [
        process(START + n * MINUTE, "ws1", f"{'sent' if n == 9 else 'archive'} {n}", ParentImage="bash", User="eva",
                **guid("ProcessGuid", n), **guid("ParentProcessGuid", 1))
        for n in range(2, 10)
    ]  # fmt: skip
    siem = MemorySiem(records, by_guid=True)
    siem.clock += HOUR
    poll(siem, store)
    asked = [ask.guids for ask in siem.asked if ask.guids]
    assert len(asked) > 3
    assert max(map(len, asked)) == 2
    assert found(store) == clean(records) != []


FAULTS = st.none() | st.tuples(st.integers(0, 3), st.sampled_from([Unreachable("gone"), PartialResult("cut")]))


@settings(max_examples=80, deadline=None)
@given(
    st.booleans().flatmap(histories),
    st.lists(FAULTS, max_size=8),
    st.lists(st.integers(1, 90), min_size=1, max_size=5),
    st.sampled_from([None, 3]),
    st.booleans(),
)
def test_the_findings_are_those_of_one_clean_pass(tmp_path_factory, records, faults, minutes, cap, by_guid):
    store = Store(str(tmp_path_factory.mktemp("poll") / "findings.sqlite"))
    siem = MemorySiem(records, cap=cap, late="2d", slice="4h", by_guid=by_guid)
    siem.faults = list(faults)
    for step in minutes:
        siem.clock += step * MINUTE
        poll(siem, store)
    siem.faults, siem.capabilities = [], MemorySiem(by_guid=by_guid).capabilities
    siem.clock = START + 47 * HOUR
    run = poll(siem, store)
    assert (run.left, run.problem) == (0, "")
    assert found(store) == clean(records)
