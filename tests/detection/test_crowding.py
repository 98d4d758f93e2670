"""What is kept of a host is bounded, and what is regular, or may become so, is kept longest."""

import random

from exfilwatch.detection import crowding
from exfilwatch.detection.cadence import SECOND
from exfilwatch.detection.crowding import crowded

HOUR, SPAN = 3600 * SECOND, 14 * 24 * 3600 * SECOND


def gone(times):
    return crowded(times, 0.3, 4, SPAN)


def single(number, start=0):
    return {f"single {at}": [start + at * SECOND] for at in range(number)}


def test_nothing_goes_while_there_is_room():
    assert gone(single(crowding.GROUPS)) == []


def test_of_groups_of_one_beat_those_heard_of_longest_ago_go_first():
    assert gone(single(crowding.GROUPS + 2)) == ["single 0", "single 1"]


def test_what_came_back_and_what_is_regular_stay():
    twice = {"twice": [0, HOUR]}
    regular = {"regular": [at * HOUR for at in range(-5, 1)]}
    assert gone(single(crowding.GROUPS, start=HOUR) | twice | regular) == ["single 0", "single 1"]


def test_a_series_that_is_over_is_worth_no_more_than_what_came_twice():
    over = {"over": [at * HOUR for at in range(-20, -12)]}
    twice = {f"twice {at}": [-HOUR + at, at] for at in range(crowding.GROUPS)}
    assert gone(over | twice) == ["over"]


def test_of_too_many_hits_the_largest_irregular_group_goes():
    drawn = random.Random(1)
    bursts = {
        name: sorted(round(drawn.random() * 5 * HOUR) for _ in range(crowding.HITS * share // 10))
        for name, share in (("much", 7), ("more", 8))
    }
    regular = {"regular": [at * HOUR for at in range(6)]}
    assert gone(bursts | regular) == ["more"]
