"""Whatever happens between the poller and the SIEM: in the end the findings are those of one clean pass."""

import os

import pytest

from exfilwatch.findings.store import Store

from .polling import live_through
from .proxy import Fault, Schedule
from .sites import site

CHAOS = bool(os.environ.get("EXFILWATCH_CHAOS"))
SEEDS = 20 if CHAOS else 1
ENGINES = ["opensearch", "elasticsearch"]
KINDS = ["splunk", "sumo", "sentinel", "defender", *ENGINES]


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "findings.sqlite"))


@pytest.fixture(params=KINDS)
def place(request):
    if request.param in ("sentinel", "defender"):
        pytest.importorskip("duckdb", reason="DuckDB runs the fake's queries: pip install 'duckdb-kql[duckdb]'")
    real = request.getfixturevalue(request.param) if request.param in ENGINES else None
    with site(request.param, real) as made:
        yield made


VENDORS_OWN = [Fault.EXPIRED, Fault.PARTIAL, Fault.DOUBLED]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.PASS, *VENDORS_OWN)])
@pytest.mark.parametrize("place", ["splunk", *ENGINES] if CHAOS else ["splunk"], indirect=True)
def test_a_fault_loses_nothing_and_repeats_nothing(place, store, fault):
    often = 0.03 if fault is Fault.SLOW else 0.2
    live_through(place, store, Schedule(11, [fault], often), seed=11)


@pytest.mark.parametrize("fault", VENDORS_OWN)
def test_what_only_this_vendor_says_loses_nothing_and_repeats_nothing(place, store, fault):
    live_through(place, store, Schedule(12, [fault]), seed=12)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_faults_together_lose_nothing_and_repeat_nothing(place, store, seed):
    live_through(place, store, Schedule(seed), seed=seed)


@pytest.mark.parametrize("place", ["sentinel"], indirect=True)
def test_answers_with_a_cap_lose_nothing_through_faults(place, store):
    # Of the fakes only this one runs queries, and so gives no more than is asked for.
    live_through(place, store, Schedule(3), seed=1, rows=6, slice="1d")


@pytest.mark.parametrize("place", ["splunk"], indirect=True)
def test_by_event_time_nothing_is_lost_within_the_look_back(place, store):
    live_through(place, store, Schedule(4), seed=4, clock="event", lookback="36h")
