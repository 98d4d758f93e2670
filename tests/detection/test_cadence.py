"""Series at regular intervals: found with jitter, with beats missed, doubled or others in between; not by chance."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection import cadence
from exfilwatch.detection.cadence import SECOND, forgettable, series
from exfilwatch.detection.correlate import matches
from exfilwatch.detection.hits import Hit
from exfilwatch.detection.load import check

from .test_correlate import planned

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 24 * 3600 * SECOND
SPAN = 14 * DAY
TRIALS = 400


def found(times):
    return series(sorted(times), 0.3, 4, SPAN)


def cron(drawn, beats, period, seconds=3.0):
    """On a clock: each time late by up to so many seconds."""
    return [round(n * period + drawn.uniform(0, seconds) * SECOND) for n in range(beats)]


def sleeping(drawn, beats, period, jitter):
    """A loop that sleeps: what is late once stays late."""
    times, now = [], 0.0
    for _ in range(beats):
        now += period * drawn.uniform(1 - jitter, 1 + jitter)
        times.append(round(now))
    return times


def by_chance(drawn, count, mean):
    times, now = [], 0.0
    for _ in range(count):
        now += drawn.expovariate(1 / mean)
        times.append(round(now))
    return times


def person(drawn):
    """Some sessions on working days, with breaks of any length within them."""
    times = []
    for day in range(5):
        for _ in range(drawn.randint(1, 3)):
            now = day * DAY + drawn.uniform(8, 18) * HOUR
            for _ in range(drawn.randint(1, 8)):
                times.append(round(now))
                now += drawn.lognormvariate(0, 1.2) * 2 * MINUTE
    return times


def share(make):
    """In how many of some series there is a cadence."""
    return sum(bool(found(make(random.Random(seed)))) for seed in range(TRIALS)) / TRIALS


periods = st.integers(MINUTE, DAY)
seeds = st.integers(0, 2**32).map(random.Random)


@given(seeds, st.integers(10 * MINUTE, DAY), st.integers(5, 60))
def test_a_clock_that_is_late_by_seconds_is_found_after_five_times(drawn, period, beats):
    (only,) = found(cron(drawn, beats, period))
    assert len(only.beats) == beats
    assert abs(only.period - period) < 3 * SECOND


@given(seeds, periods, st.integers(8, 60))
def test_a_clock_of_any_interval_is_found_after_eight_times(drawn, period, beats):
    (only,) = found(cron(drawn, beats, period))
    assert len(only.beats) == beats


@given(seeds, st.integers(2 * MINUTE, 19 * HOUR), st.floats(0.1, 0.3), st.integers(20, 60))
@settings(max_examples=120)
def test_a_loop_that_sleeps_is_found_at_its_interval(drawn, period, jitter, beats):
    times = sleeping(drawn, beats, period, jitter)
    assert any(abs(each.period - period) < 0.15 * period for each in found(times))


@pytest.mark.parametrize(("jitter", "beats"), [(0.1, 9), (0.2, 11), (0.3, 14)])
def test_the_less_regular_the_more_times_it_takes(jitter, beats):
    assert share(lambda drawn: sleeping(drawn, beats, HOUR, jitter)) > 0.98


@pytest.mark.parametrize("period", [10 * MINUTE, HOUR, DAY])
def test_times_that_are_missed_doubled_or_in_between_do_not_hide_a_clock(period):
    def made(drawn):
        there = [time for time in cron(drawn, 24, period) if drawn.random() > 0.1]
        doubled = [time + round(drawn.uniform(0, 5) * SECOND) for time in there]
        others = [round(drawn.uniform(0, 24 * period)) for _ in range(6)]
        return [*there, *doubled, *others]

    assert share(made) > 0.95


def test_a_loop_over_many_files_is_one_of_its_times():
    times = [n * HOUR + k * 15 * SECOND for n in range(6) for k in range(20)]
    assert [str(each) for each in found(times)] == ["every 60 min ± 0, 6 times"]


def test_every_half_hour_and_a_third_missed_is_found():
    assert share(lambda drawn: [t for t in cron(drawn, 30, HOUR / 2) if drawn.random() > 0.3]) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("count", [20, 50])
def test_fewer_than_one_in_a_hundred_random_series_has_a_cadence(count):
    means = [MINUTE, 5 * MINUTE, HOUR, 6 * HOUR]
    assert sum(share(lambda drawn, mean=mean: by_chance(drawn, count, mean)) for mean in means) / len(means) < 0.01


def test_what_a_person_sends_has_none():
    assert share(person) < 0.01


@pytest.mark.parametrize("period", [20 * SECOND, 30 * HOUR])
def test_intervals_below_a_minute_and_above_a_day_are_none(period):
    assert found(range(0, 40 * period, period)) == []


def test_three_times_are_none():
    assert found([0, HOUR, 2 * HOUR]) == []


def test_what_opens_a_series_is_within_the_timespan():
    times = [n * HOUR for n in range(10)]
    assert series(times, 0.3, 4, 3 * HOUR)
    assert series(times, 0.3, 4, 3 * HOUR - 1) == []


def test_the_jitter_that_a_rule_allows_is_kept():
    times = sleeping(random.Random(1), 40, HOUR, 0.3)
    assert series(times, 0.3, 4, SPAN)
    assert series(times, 0.05, 4, SPAN) == []


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([n * HOUR for n in range(7)], "every 60 min ± 0, 7 times"),
        ([n * HOUR + n % 2 * 2 * MINUTE for n in range(9)], "every 60 min ± 2, 9 times"),
        ([n * MINUTE for n in range(9)], "every 60 s ± 0, 9 times"),
        ([n * DAY for n in (0, 1, 2, 4, 5)], "every 24 h ± 0, 5 times, 1 missed"),
    ],
)
def test_a_series_says_what_it_is(times, said):
    assert [str(each) for each in found(times)] == [said]


@given(st.lists(st.integers(0, 40), max_size=60), seeds)
def test_the_order_of_arrival_changes_nothing(minutes, drawn):
    plan = planned("event_count", "a", {"gte": 4}, timespan="14d", jitter=0.3)
    hits = [Hit("a", ("pc1",), 10 * at * MINUTE + each * SECOND, str(at)) for at, each in enumerate(minutes)]
    shuffled = drawn.sample(hits, len(hits))
    assert matches(plan, hits) == matches(plan, shuffled)


mixed = st.lists(
    st.one_of(st.integers(1, 200).map(lambda n: n * MINUTE), st.sampled_from([HOUR, HOUR + 2 * MINUTE, 5 * SECOND])),
    min_size=1,
    max_size=120,
).map(lambda gaps: [sum(gaps[: at + 1]) for at in range(len(gaps))])


@given(mixed, st.integers(1, 119))
@settings(max_examples=120)
def test_what_happens_later_undoes_no_series(times, cut):
    early = {times[start] for each in found(times[:cut]) for start, _ in each.beats[-1:]}
    whole = {times[start] for each in found(times) for start, _ in each.beats}
    assert bool(early) <= bool(whole)
    firsts = [times[each.beats[0][0]] for each in found(times[:cut])]
    assert [times[each.beats[0][0]] for each in found(times)][: len(firsts)] == firsts


@given(mixed, st.integers(1, 119))
@settings(max_examples=120)
def test_what_may_be_forgotten_changes_no_series_that_goes_on(times, cut):
    past, future = times[:cut], times[cut:]
    if not future:
        return
    gone = forgettable(past, 0.3, 4, SPAN, future[0])

    def going_on(among):
        return [
            [among[at] for start, end in each.beats for at in range(start, end)]
            for each in found(among)
            if among[each.beats[-1][1] - 1] >= future[0]
        ]

    assert going_on(times[gone:]) == going_on(times)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([n * MINUTE for n in range(5_000)], id="regular"),
        pytest.param(by_chance(random.Random(1), 5_000, 10 * MINUTE), id="random"),
        pytest.param([n * SECOND for n in range(20_000)], id="a burst"),
        pytest.param([n * HOUR + k * SECOND for n in range(60) for k in range(300)], id="bursts at regular intervals"),
    ],
)
def test_what_is_kept_is_bounded(times):
    left = len(times) - forgettable(times, 0.3, 4, SPAN, times[-1] + 1)
    assert left <= cadence.MOST_IN_SERIES + cadence.LOOK_BACK * cadence.MOST_IN_BEAT


def test_a_series_is_at_most_so_many_hits_and_then_the_next_begins():
    one, two, three = found([n * MINUTE for n in range(1_200)])
    assert [len(each.beats) for each in (one, two, three)] == [500, 500, 200]


def test_an_hundred_thousand_are_looked_at_in_a_moment():
    # Linear: a tenth of it takes about a tenth of the time.
    assert len(found([n * MINUTE for n in range(100_000)])) == 200


RULE = """title: Uploads
id: 33333333-0000-4000-8000-000000000001
correlation:
  type: event_count
  rules: [upload]
  group-by: [Computer]
  timespan: 14d
  condition: {gte: 4}
exfilwatch: {regular: {jitter: 0.3}}
---
title: Upload
id: 33333333-0000-4000-8000-000000000002
name: upload
logsource: {category: process_creation}
detection:
  upload: {CommandLine|contains: upload}
  condition: upload
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ("gte: 4", "lte: 4", "at least so many"),
        ("gte: 4", "gte: 2", "at least so many"),
        ("gte: 4", "gt: 1", "at least so many"),
        ("jitter: 0.3", "jitter: 0.7", "jitter"),
        ("jitter: 0.3", "every: 1h", "every"),
        ("condition: upload\n", "condition: upload\nexfilwatch: {regular: {jitter: 0.1}}\n", "only in a correlation"),
    ],
)
def test_what_can_not_be_regular_is_refused(tmp_path, old, new, said):
    (tmp_path / "rule.yml").write_text(RULE.replace(old, new) if old else RULE)
    problems = [str(each) for each in check([tmp_path])]
    assert len(problems) == bool(said)
    assert all(said in each for each in problems)
