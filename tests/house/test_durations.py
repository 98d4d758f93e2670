"""A long run tells where its time went."""

from tests.durations import told


def test_seconds_are_summed_by_room_and_by_file_with_preparations() -> None:
    assert told(
        [
            ("tests/a/test_x.py::test_1", 200.0, 5.0),
            ("tests/a/test_x.py::test_1", 150.0, 1.0),
            ("tests/b/t.py::t", 9.0, 8.0),
        ]
    ) == [
        "      9 s        8 s of CPU  tests/b",
        "    350 s        6 s of CPU  tests/a",
        "      9 s        8 s of CPU  tests/b/t.py",
        "    350 s        6 s of CPU  tests/a/test_x.py",
    ]


def test_a_short_run_tells_nothing() -> None:
    assert told([("tests/a/test_x.py::test_1", 1.0, 1.0)]) == []
