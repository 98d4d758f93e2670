"""Times in the notations that log sources and exports use."""

import pytest

from exfilwatch.events.timestamps import micros

from .reading import iso, one

NOTATIONS = [
    ("2026-03-12T09:14:02.123456Z", "2026-03-12T09:14:02.123456Z"),
    ("2026-03-12 09:14:02", "2026-03-12T09:14:02Z"),
    ("2026-03-12T10:14:02+01:00", "2026-03-12T09:14:02Z"),
    ("2026-03-12T09:14:02.1234567Z", "2026-03-12T09:14:02.123456Z"),
    ("2026-03-12T09:14Z", "2026-03-12T09:14:00Z"),
    ("/Date(1773306842123)/", "2026-03-12T09:14:02.123Z"),
    (1773306842, "2026-03-12T09:14:02Z"),
    (1773306842.5, "2026-03-12T09:14:02.5Z"),
    ("1773306842123", "2026-03-12T09:14:02.123Z"),
    (1773306842123456, "2026-03-12T09:14:02.123456Z"),
    ("03/12/2026 09:14:02 AM", "2026-03-12T09:14:02Z"),
    ("03/12/2026 09:14:02 PM", "2026-03-12T21:14:02Z"),
    ("3/12/2026, 9:14:02.123 AM", "2026-03-12T09:14:02.123Z"),
    ("Mar 12, 2026 9:14:02 AM", "2026-03-12T09:14:02Z"),
    ("Thu Mar 12 09:14:02 2026", "2026-03-12T09:14:02Z"),
    ("2026/03/12 09:14:02", "2026-03-12T09:14:02Z"),
    ("2026-03-12 01:14:02 PST", "2026-03-12T09:14:02Z"),
    ("2026-03-12", "2026-03-12T00:00:00Z"),
]


@pytest.mark.parametrize(("written", "time"), NOTATIONS, ids=lambda value: str(value))
def test_a_time_is_read_in_the_notation_of_its_source(written, time):
    assert iso(micros(written)) == time


@pytest.mark.parametrize(
    "written",
    [
        *(None, "", "-", True, float("nan"), 1e300, "09:14:02.000", "Mar 12 09:14:02", "2026-13-12T09:14:02Z"),
        *("2026-03-12 09:14:02 XYZ", "2026-03-12T09:14:02+99:99", "10.1.2.3", "yesterday", ["2026-03-12"]),
    ],
)
def test_what_names_no_moment_is_no_time(written):
    assert micros(written) is None


def test_a_record_with_a_time_as_people_write_it_takes_part_in_correlations():
    record = {"_time": "03/12/2026 09:14:02 AM", "dest": "ws1", "process": "curl -T a", "process_name": "curl"}
    assert iso(one(record).time) == "2026-03-12T09:14:02Z"
