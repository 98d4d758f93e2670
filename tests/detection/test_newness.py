"""What is new of a host: told from its hits, in any pieces, in bounded space."""

import random

import pytest

from exfilwatch.detection import newness
from exfilwatch.detection.hits import Hit
from exfilwatch.detection.newness import DAY, Newness, forgettable, new

ASKED = Newness(by="much", history=14, learned=7)


def hit(day, value, rule="some"):
    return Hit(rule, ("10.0.0.5",), round(day * DAY), f"{day}-{value}-{rule}", (value,))


def found(hits):
    return [[each.event for each in match] for match in new(ASKED, sorted(hits, key=lambda each: each.time))]


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        pytest.param([hit(0, "a"), hit(7, "b", "much")], 1, id="a value of which nothing is known"),
        pytest.param([hit(0, "a"), hit(6, "b", "much")], 0, id="a host that is learned"),
        pytest.param([hit(0, "a"), hit(20, "b", "much")], 0, id="a host that was away, and is learned again"),
        pytest.param([hit(0, "b"), hit(9, "b", "much")], 0, id="a value that was there"),
        pytest.param([hit(0, "b"), hit(3, "a"), hit(15, "b", "much")], 1, id="a value of fifteen days ago"),
        pytest.param([hit(0, "a"), hit(8, "b"), hit(9.9, "b", "much")], 1, id="the day after the first contact"),
        pytest.param([hit(0, "a"), hit(8, "b"), hit(10, "b", "much")], 0, id="two days after it"),
        pytest.param([hit(0, "a"), hit(8, "b", "much"), hit(8.1, "c", "much")], 2, id="two values"),
        pytest.param([hit(0, "a"), hit(8, "B"), hit(6, "b"), hit(9.9, "b", "much")], 0, id="in either case"),
    ],
)
def test_a_value_is_new_after_days_without_it_of_a_host_that_is_known(hits, expected):
    assert len(found(hits)) == expected


def test_what_follows_on_the_first_two_days_is_one_match():
    (match,) = found([hit(0, "a"), *(hit(8 + hour / 24, "b", "much") for hour in range(60))])
    assert len(match) == 48


def test_of_a_host_with_very_many_values_nothing_is_new(monkeypatch):
    monkeypatch.setattr(newness, "MOST", 10)
    many = [hit(number / 10, f"v{number}") for number in range(100)]
    assert found([*many, hit(10, "b", "much")]) == []
    assert len(found([*many[::20], hit(9.9, "b", "much")])) == 1


@pytest.mark.parametrize("seed", range(20))
def test_what_is_forgotten_changes_nothing_of_what_comes_later(seed, monkeypatch):
    monkeypatch.setattr(newness, "MOST", 12 if seed % 2 else 5_000)
    drawn = random.Random(seed)
    values = [f"v{number}" for number in range(8 if seed % 3 else 40)]
    hits = [
        hit(drawn.uniform(0, 80), drawn.choice(values), "much" if drawn.random() < 0.3 else "some") for _ in range(200)
    ]
    hits.sort(key=lambda each: each.time)
    given, kept, most = set(), [], 0
    for number, each in enumerate(hits):
        kept.append(each)
        given |= {tuple(match) for match in found(kept) if each.event in match}
        if number % 5 == 0:
            gone = forgettable(ASKED, kept, each.time)
            kept = [other for other in kept if other not in gone]
            most = max(most, len([other for other in kept if other.time < each.time - 2 * DAY]))
    in_one_pass = found(hits)
    outgrown = {match for match in given if any(len(other) > len(match) and match[0] in other for other in given)}
    assert sorted(map(list, given - outgrown)) == sorted(in_one_pass)
    assert most <= min(newness.MOST + 1, len(values)) + ASKED.history + 1
