"""Who started whom, from events that say it in several ways."""

import pytest

from exfilwatch.detection.ancestry import Started, ancestry
from exfilwatch.events.event import Event, Origin, Value

SECOND = 1_000_000


def event(name: str, second: int, category: str = "process_creation", **fields: Value) -> Event:
    return Event("", category, "windows", "", second * SECOND, None, "ws", name, Origin("x"), dict(fields), {})


def start(name: str, second: int, pid: int, parent: int, image: str = "", **more: Value) -> Event:
    image = image or rf"C:\{name}.exe"
    return event(name, second, ProcessId=pid, ParentProcessId=parent, Image=image, **more)


def tree(events: list[Event], *sought: str, most: int = 100) -> list[tuple[int, str]]:
    found, _ = ancestry(events, frozenset(sought), most)
    return [(each.depth, each.event.id if each.seen else "?") for each in found]


def test_children_come_after_their_parents_by_time() -> None:
    events = [
        start("c", 3, 30, 10),
        start("a", 1, 10, 5, ParentImage=r"C:\Windows\explorer.exe"),
        start("b", 2, 20, 10),
    ]
    assert tree(events, "b") == [(0, "?"), (1, "a"), (2, "b"), (2, "c")]


def test_what_starts_everything_is_named_and_its_other_children_are_not() -> None:
    explorer = start("explorer", 1, 5, 4, r"C:\Windows\explorer.exe")
    events = [explorer, start("a", 2, 10, 5), start("b", 3, 20, 10), start("other", 4, 30, 5)]
    assert tree(events, "b") == [(0, "?"), (1, "explorer"), (2, "a"), (3, "b")]


def test_a_process_id_that_is_given_anew_is_another_process() -> None:
    events = [start("old", 1, 10, 7), start("new", 100, 10, 8), start("child", 200, 20, 10)]
    assert (0, "old") not in tree(events, "child")
    assert [name for _, name in tree(events, "child")] == ["?", "new", "child"]


def test_a_guid_says_more_than_a_process_id() -> None:
    events = [
        start("a", 1, 10, 5, ProcessGuid="{A}", ParentProcessGuid="{X}"),
        start("b", 2, 10, 5, ProcessGuid="{B}", ParentProcessGuid="{Y}"),
        start("c", 3, 30, 10, ProcessGuid="{C}", ParentProcessGuid="{A}"),
    ]
    assert [name for _, name in tree(events, "c")] == ["?", "a", "c"]


def test_other_events_of_a_process_name_it_too() -> None:
    events = [start("a", 1, 10, 5), event("sent", 9, "network_connection", ProcessId=10, Image=r"C:\a.exe")]
    assert tree(events, "sent") == [(0, "?"), (1, "a")]
    assert tree(events[1:], "sent") == [(0, "sent")]


@pytest.mark.parametrize("most", [1, 5, 50])
def test_the_sought_and_their_ancestors_are_kept_of_too_many(most: int) -> None:
    events = [start("top", 0, 1000, 999), *(start(f"p{n}", n, 2000 + n, 1000) for n in range(1, 200))]
    found, count = ancestry(events, frozenset({"p150"}), most)
    assert count == 201
    assert len(found) == max(most, 3)
    assert [each.sought for each in found].count(True) == 1


def test_circles_which_only_false_records_make_end() -> None:
    events = [
        start("a", 1, 10, 20, ProcessGuid="{A}", ParentProcessGuid="{B}"),
        start("b", 2, 20, 10, ProcessGuid="{B}", ParentProcessGuid="{A}"),
        start("self", 3, 30, 30, ProcessGuid="{S}", ParentProcessGuid="{S}"),
    ]
    for sought in ("a", "b", "self"):
        found: list[Started] = ancestry(events, frozenset({sought}), 10)[0]
        assert any(each.sought for each in found)


def test_a_deep_line_is_no_recursion() -> None:
    events = [start(f"p{n}", n, 100 + n, 99 + n) for n in range(5_000)]
    found, count = ancestry(events, frozenset({"p4999"}), 10_000)
    assert count == len(found) == 5_001
    assert found[-1].depth == 5_000
