"""The hit store: the same in memory and on disk, bounded, and gone when closed."""

import random
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.hits import Hit, HitStore
from exfilwatch.errors import SourceError

hostile = st.text('aÄ"\\\0\ud800', max_size=3)
scalars = st.one_of(hostile, st.integers(-(10**30), 10**30), st.floats(allow_nan=False), st.booleans(), st.none())
hits = st.builds(
    Hit,
    rule=st.sampled_from("ab"),
    group=st.tuples(hostile),
    time=st.integers(-(10**20), 10**20),
    event=hostile,
    value=st.lists(scalars, max_size=2).map(tuple),
    record=st.binary(max_size=4),
)


@settings(deadline=None)
@given(added=st.lists(st.tuples(st.sampled_from(["one", "two"]), hits), max_size=20), cap=st.integers(0, 25))
def test_a_store_that_spilled_gives_what_one_in_memory_gives(added: list[tuple[str, Hit]], cap: int) -> None:
    with HitStore(max_hits=cap) as small, HitStore() as large:
        for correlation, hit in added:
            small.add(correlation, hit)
            large.add(correlation, hit)
        for correlation in ("one", "two"):
            expected = [(group, sorted(map(repr, members))) for group, members in large.groups(correlation)]
            assert [(group, sorted(map(repr, members))) for group, members in small.groups(correlation)] == expected
            assert sum(len(members) for _, members in expected) == sum(name == correlation for name, _ in added)
        assert small.spilled is (len(added) > cap)
        assert not large.spilled


def test_groups_and_their_hits_come_in_order_whatever_the_arrival() -> None:
    given = [
        Hit(rule, (group,), time, event) for rule in "ab" for group in "xyz" for time in range(3) for event in "pq"
    ]
    random.Random(1).shuffle(given)
    with HitStore(max_hits=7) as store:
        for hit in given:
            store.add("c", hit)
        groups = list(store.groups("c"))
    assert [group for group, _ in groups] == [("x",), ("y",), ("z",)]
    for _, members in groups:
        assert [(h.time, h.event, h.rule) for h in members] == [(t, e, r) for t in range(3) for e in "pq" for r in "ab"]


def test_records_count_towards_the_limit() -> None:
    with HitStore(max_bytes=1000) as store:
        store.add("c", Hit("a", (), 0, "e", (), bytes(900)))
        assert not store.spilled
        store.add("c", Hit("a", (), 0, "f", ("x" * 200,)))
        assert store.spilled


def test_hits_of_an_outer_correlation_may_come_while_an_inner_one_is_read() -> None:
    with HitStore(max_hits=2) as store:
        for number in range(20):
            store.add("inner", Hit("a", (str(number % 5),), number, str(number)))
        for group, members in store.groups("inner"):
            for hit in members:
                store.add("outer", Hit("inner", group, hit.time, hit.event))
        assert [len(members) for _, members in store.groups("outer")] == [4] * 5
        assert [len(members) for _, members in store.groups("inner")] == [4] * 5


def test_closing_deletes_the_file(tmp_path: Path) -> None:
    with HitStore(max_hits=0, directory=str(tmp_path)) as store:
        store.add("c", Hit("a", (), 0, "e"))
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
        assert list(folder.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_a_source_error(tmp_path: Path) -> None:
    with HitStore(max_hits=0, directory=str(tmp_path / "gone")) as store, pytest.raises(SourceError, match="TMPDIR"):
        store.add("c", Hit("a", (), 0, "e"))


def fill(store: HitStore) -> None:
    for number in range(1000):
        store.add("c", Hit("a", (), number, str(number), (), bytes(10_000)))


def test_a_full_disk_is_a_source_error_that_says_what_to_do(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with HitStore(max_hits=9, directory=str(tmp_path)) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(SourceError, match=r"can't be kept in .* Free space there"):
                fill(store)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
