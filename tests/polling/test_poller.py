"""Polling a SIEM: whatever it does, in the end the findings are those of one clean pass over all events."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.errors import AuthError, PartialResult, RateLimited, SourceError, Unreachable
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.store import Store
from exfilwatch.polling.poller import Poller
from exfilwatch.polling.slices import Interval
from exfilwatch.siem.siem import SECOND

from .memory_siem import START, MemorySiem, connection, events, process

RULES = load([Path(__file__).parent / "rules.yml"])
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def poller(siem, store, since=4 * HOUR):
    return Poller(siem, RULES, store, since=since, clock=lambda: siem.clock)


def poll(siem, store, **options):
    return asyncio.run(poller(siem, store, **options).once())


def found(store):
    return sorted(each.id for each in store.find())


def clean(records):
    """The findings of one pass over all."""
    return sorted({finding(each).id for each in Engine(RULES, Report()).detect(events(records))})


def test_what_is_there_is_found_once_however_often_it_is_polled(store):
    siem = MemorySiem([process(START - MINUTE, "ws1", "upload a")])
    first, second = poll(siem, store), poll(siem, store)
    assert (first.findings, second.findings) == (1, 0)
    assert (first.events, second.events) == (1, 0)
    assert found(store) == clean(siem.records)
    assert first.watermark == START


def test_what_comes_after_a_poll_is_found_by_the_next(store):
    siem = MemorySiem()
    poll(siem, store)
    siem.clock += 5 * MINUTE
    siem.records.append(process(START + MINUTE, "ws1", "upload a"))
    assert poll(siem, store).findings == 1


def test_a_record_that_comes_days_late_is_found_by_its_ingest_time(store):
    siem = MemorySiem()
    poll(siem, store)
    siem.clock += 72 * HOUR
    siem.records.append(process(START - 24 * HOUR, "ws1", "upload a", ingest=siem.clock - MINUTE))
    assert poll(siem, store).findings == 1


def test_a_record_that_can_be_found_only_after_its_ingest_time_was_polled_is_found_by_the_look_back(store):
    late = process(START - 10 * SECOND, "ws1", "upload a", ingest=START - 5 * SECOND, searchable=START + 30 * SECOND)
    siem = MemorySiem([late])
    assert poll(siem, store).findings == 0
    siem.clock += MINUTE
    assert poll(siem, store).findings == 1


def test_without_ingest_time_late_records_are_found_within_the_look_back_and_events_ahead_at_once(store):
    siem = MemorySiem(ingest_time=False, lookback="10m")
    poll(siem, store)
    siem.clock += 5 * MINUTE
    siem.records = [
        process(START - 3 * MINUTE, "ws1", "upload late", searchable=START + MINUTE),
        process(siem.clock + HOUR, "ws2", "upload ahead", searchable=START),
    ]
    assert poll(siem, store).findings == 2
    for _ in range(8):
        siem.clock += 10 * MINUTE
        assert poll(siem, store).findings == 0
    assert len(found(store)) == 2


@pytest.mark.parametrize(("settings", "found_late"), [({}, 1), ({"lookback": "15m"}, 0), ({"late": "20m"}, 0)])
def test_without_ingest_time_it_looks_back_as_far_as_events_were_seen_to_come_late(store, settings, found_late):
    """Where the settings leave that to it, and no farther than records are to be joined."""
    late = process(START - 2 * HOUR, "ws1", "upload late", ingest=START - MINUTE)
    siem = MemorySiem([late], ingest_time=False, **settings)
    assert poll(siem, store).lateness.max == 2 * 3600 - 60
    siem.records.append(process(START - HOUR, "ws1", "upload later", searchable=START + MINUTE))
    siem.clock += 5 * MINUTE
    assert poll(siem, store).findings == found_late
    siem.clock += 5 * MINUTE
    assert poll(siem, store).events == 0


@pytest.mark.parametrize("apart", [-2 * HOUR, 2 * HOUR], ids=["ahead of ours", "behind ours"])
def test_a_siem_whose_clock_is_another_is_polled_by_its_own(store, apart):
    siem = MemorySiem([process(START - MINUTE, "ws1", "upload a"), process(START - MINUTE, "ws1", "archive")])
    for _ in range(3):
        asyncio.run(Poller(siem, RULES, store, since=HOUR, clock=lambda: siem.clock + apart).once())
        siem.clock += 5 * MINUTE
        siem.records.append(connection(siem.clock - 8 * MINUTE, "ws1", "203.0.113.1", ingest=siem.clock - MINUTE))
    assert found(store) == clean(siem.records[:-1])


def test_an_interval_with_more_records_than_an_answer_can_have_is_halved(store):
    siem = MemorySiem([process(START - n * MINUTE, "ws1", f"upload {n}") for n in range(1, 50)], cap=5)
    run = poll(siem, store)
    assert run.findings == 49
    assert run.halved
    assert run.left == 0


def test_one_instant_with_more_records_than_an_answer_can_have_holds_the_watermark_until_it_can_be_read(store):
    at = START - 30 * MINUTE
    siem = MemorySiem([process(at, "ws1", f"upload {n}") for n in range(9)], cap=5)
    siem.records.append(process(START - MINUTE, "ws2", "upload z"))
    run = poll(siem, store)
    assert (run.left, run.watermark) == (1, at)
    assert "more than 5" in run.problem
    assert run.problem.endswith(f" (not read: {Interval(at, at + siem.capabilities.step)})")
    assert any(each.host == "ws2" for each in store.find())
    siem.capabilities = MemorySiem().capabilities
    run = poll(siem, store)
    assert (run.left, run.watermark, run.problem) == (0, START, "")
    assert found(store) == clean(siem.records)


@pytest.mark.parametrize(
    "error",
    [Unreachable("refused"), RateLimited("429", 3.0), AuthError("401"), SourceError("odd"), PartialResult("cut")],
)
def test_what_an_answer_that_breaks_off_gave_is_not_counted_and_is_read_again(store, error):
    siem = MemorySiem([process(START - n * MINUTE, "ws1", f"upload {n}") for n in range(1, 6)])
    siem.faults = [(2, error)]
    run = poll(siem, store)
    if not isinstance(error, PartialResult):
        assert run.problem == str(error)
        assert run.left == 4
        assert found(store) == []
        run = poll(siem, store)
    assert (run.left, run.problem) == (0, "")
    assert found(store) == clean(siem.records)


@pytest.mark.parametrize(("smaller", "asked"), [(True, 65), (False, 4)])
def test_what_is_never_whole_is_not_halved_for_ever(store, smaller, asked):
    siem = MemorySiem([process(START - MINUTE, "ws1", "upload a")])
    siem.faults = [(0, PartialResult("a shard is down", smaller=smaller))] * 1000
    run = poll(siem, store)
    assert (len(siem.asked), run.watermark) == (asked, START - 4 * HOUR)
    assert run.problem.startswith("a shard is down")
    siem.faults = []
    assert poll(siem, store).left == 0
    assert found(store) == clean(siem.records)


def test_a_siem_that_can_not_be_asked_for_the_time_plans_nothing(store):
    siem = MemorySiem()

    async def now():
        raise Unreachable("refused")

    siem.now = now
    run = poll(siem, store)
    assert (run.problem, run.left, run.slices) == ("refused", 0, 0)


def test_a_deadline_ends_a_poll_and_the_next_one_goes_on(store):
    siem = MemorySiem([process(START - n * MINUTE, "ws1", f"upload {n}") for n in range(1, 6)], slice="10m")
    run = asyncio.run(poller(siem, store).once(deadline=0.0))
    assert "deadline" in run.problem
    assert run.left
    run = poll(siem, store)
    assert run.left == 0
    assert found(store) == clean(siem.records)


def test_connections_are_asked_for_only_near_what_leads(store):
    siem = MemorySiem(
        [
            process(START - 30 * MINUTE, "ws1", "archive"),
            connection(START - 29 * MINUTE, "ws1", "203.0.113.1"),
            connection(START - 10 * MINUTE, "ws1", "203.0.113.1"),
            connection(START - 29 * MINUTE, "ws2", "203.0.113.1"),
        ]
    )
    run = poll(siem, store)
    assert run.findings == 1
    assert run.records == 2
    assert found(store) == clean(siem.records)


def leading(hosts, connections):
    """In one moment a file is packed on each host; then each makes this many connections, a second between two."""
    at = START - 30 * MINUTE
    packed = [process(at, f"ws{n}", f"archive {n}") for n in range(hosts)]
    sent = [connection(at + n * SECOND, f"ws{h}", "203.0.113.1") for h in range(hosts) for n in range(connections)]
    return packed + sent


@pytest.mark.parametrize(("hosts", "connections"), [(3, 4), (1, 12), (3, 60)])
def test_more_near_the_hosts_of_one_moment_than_an_answer_can_have_is_asked_for_in_parts(store, hosts, connections):
    siem = MemorySiem(leading(hosts, connections), cap=5)
    run = poll(siem, store)
    assert (run.left, run.watermark, run.problem) == (0, START, "")
    assert run.halved
    assert found(store) == clean(siem.records)


def test_more_of_one_host_in_one_moment_than_an_answer_can_have_holds_the_watermark_and_is_told(store):
    at = START - 30 * MINUTE
    crowd = [connection(at, "ws0", f"203.0.113.{n}") for n in range(9)]
    siem = MemorySiem([*leading(3, 1), *crowd, process(START - MINUTE, "ws9", "upload z")], cap=5)
    run = poll(siem, store)
    assert (run.left, run.watermark) == (1, at)
    assert "more than 5" in run.problem
    assert run.problem.endswith(f" (not read: {Interval(at, at + siem.capabilities.step)})")
    assert any(each.host == "ws9" for each in store.find())
    siem.asked.clear()
    assert poll(siem, store).left == 1
    assert len(siem.asked) < 40  # of this moment alone
    siem.capabilities = MemorySiem().capabilities
    assert poll(siem, store).watermark == START
    assert found(store) == clean(siem.records)


def test_a_half_that_comes_in_another_poll_than_the_other_is_joined_whichever_comes_first(store):
    leader, follower = process(START - MINUTE, "ws1", "archive"), connection(START - 2 * MINUTE, "ws1", "203.0.113.1")
    for first, second in ((leader, follower), (follower, leader)):
        siem = MemorySiem([first])
        other = Store(str(Path(store.database.name).with_suffix(f".{first.values['category']}")))
        assert poll(siem, other).findings == 0
        siem.clock += HOUR
        siem.records.append(second._replace(ingest=siem.clock - MINUTE, searchable=0))
        assert poll(siem, other).findings == 1
        assert found(other) == clean(siem.records)


def test_a_burst_that_goes_on_is_one_finding_in_one_incident(store):
    siem = MemorySiem([process(START - n * MINUTE, "ws1", f"beat {n}") for n in range(1, 4)])
    assert poll(siem, store).findings == 1
    (incident,) = store.incidents()
    for n in range(1, 6):
        siem.clock += 2 * MINUTE
        siem.records.append(process(siem.clock - MINUTE, "ws1", f"beat again {n}"))
        run = poll(siem, store)
        assert (run.findings, run.superseded) == (1, 1)
    assert found(store) == clean(siem.records)
    assert [each.id for each in store.incidents()] == [incident.id]


def test_what_later_events_can_undo_is_judged_when_its_window_is_settled(store):
    siem = MemorySiem([process(START - MINUTE, "ws1", "tick 1"), process(START - 2 * HOUR, "ws2", "tick 2")])
    assert [each.host for each in _polled(siem, store)] == ["ws2"]
    siem.clock += 2 * MINUTE
    siem.records += [process(START, "ws1", f"tick again {n}") for n in range(2)]
    siem.clock += HOUR
    assert [each.host for each in _polled(siem, store)] == ["ws2"]
    siem.records.append(process(siem.clock, "ws3", "tick 3"))
    siem.clock += HOUR
    assert sorted(each.host for each in _polled(siem, store)) == ["ws2", "ws3"]
    assert found(store) == clean(siem.records)


def _polled(siem, store):
    poll(siem, store)
    return store.find()


def test_a_store_that_refuses_leaves_everything_to_the_next_poll(store, monkeypatch):
    siem = MemorySiem([process(START - MINUTE, "ws1", "upload a"), process(START - MINUTE, "ws1", "archive")])

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(store, "record_in", full)
        with pytest.raises(OSError, match="No space"):
            poll(siem, store)
    assert found(store) == []
    assert poll(siem, store).findings == 1


HOSTS = st.sampled_from(["ws1", "ws2"])
DELAYS = st.sampled_from([0, SECOND, 5 * MINUTE, 20 * HOUR])


@st.composite
def histories(draw):
    """Records over three hours, some late."""
    records = []
    for n in range(draw(st.integers(0, 12))):
        time = START + draw(st.integers(0, 180)) * MINUTE
        host = draw(HOSTS)
        times = {"ingest": time + draw(DELAYS)}
        times["searchable"] = times["ingest"] + draw(st.sampled_from([0, 40 * SECOND]))
        what = draw(st.sampled_from(["upload", "archive", "beat", "sent", "tick", "connect"]))
        records.append(
            connection(time, host, f"203.0.113.{n}", **times)
            if what == "connect"
            else process(time, host, f"{what} {n}", **times)
        )
    return records


FAULTS = st.none() | st.tuples(
    st.integers(0, 3), st.sampled_from([Unreachable("gone"), PartialResult("cut"), RateLimited("slow", 1.0)])
)


@settings(max_examples=40)
@given(
    histories(),
    st.lists(FAULTS, max_size=8),
    st.lists(st.integers(1, 90), min_size=1, max_size=6),
    st.sampled_from([None, 3]),
    st.booleans(),
    st.booleans(),
)
def test_the_findings_are_those_of_one_clean_pass(tmp_path_factory, records, faults, minutes, cap, doubled, off):
    store = Store(str(tmp_path_factory.mktemp("poll") / "findings.sqlite"))
    siem = MemorySiem(records, cap=cap, pushdown="off" if off else "candidates", late="2d", slice="4h")
    siem.doubled, siem.faults = doubled, list(faults)
    for step in minutes:
        siem.clock += step * MINUTE
        poll(siem, store)
    siem.faults, siem.capabilities = [], MemorySiem().capabilities
    siem.clock = START + 47 * HOUR
    run = poll(siem, store)
    assert (run.left, run.problem) == (0, "")
    assert found(store) == clean(records)
    in_incidents = [name for incident in store.incidents() for name in incident.findings]
    assert sorted(in_incidents) == found(store)
