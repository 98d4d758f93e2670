"""The report: every kind of trouble once, with its place and a count, whatever the input does."""

from exfilwatch.events.event import Origin
from exfilwatch.events.report import KINDS, PLACES, Report


def test_each_kind_of_problem_is_shown_once_with_its_first_place_and_a_count():
    report = Report()
    for line in range(1, 1001):
        report.unreadable(Origin("a.json", line), "malformed", f"byte {line}")
    (problem,) = report.problems
    assert str(problem) == "a.json:1: malformed (byte 1) [1,000 times]"
    assert report.had_errors


def test_a_problem_names_a_few_of_the_other_sources_it_was_seen_in():
    report = Report()
    for number in range(10):
        report.unreadable(Origin(f"{number}.json", 7), "malformed")
    (problem,) = report.problems
    assert [place.source for place in problem.places] == [f"{number}.json" for number in range(PLACES)]
    assert problem.count == 10


def test_a_problem_that_lost_nothing_is_no_error():
    report = Report()
    report.problem(Origin("a.json", 1), "unclean")
    report.unknown(Origin("a.json", 2), ["x"])
    assert not report.had_errors


def test_unknown_shapes_are_counted_once_per_set_of_keys():
    report = Report()
    for line in range(1, 6):
        report.unknown(Origin("a.json", line), ["b", "a"] if line < 4 else ["c"])
    assert [(shape.keys, shape.count, shape.first.line) for shape in report.unknown_shapes] == [
        (("a", "b"), 3, 1),
        (("c",), 2, 4),
    ]
    assert report.unknown_count == 5


def test_memory_stays_bounded_when_every_record_is_different():
    report = Report()
    for number in range(KINDS * 3):
        report.unknown(Origin("a", number), [f"key{number}"])
        report.unreadable(Origin("a", number), f"why {number}")
    assert len(report.unknown_shapes) <= KINDS + 1
    assert len(report.problems) <= KINDS + 1
    assert report.unknown_count == KINDS * 3
    assert sum(problem.count for problem in report.problems) == KINDS * 3


def test_hostile_keys_cannot_write_to_the_terminal():
    report = Report()
    report.unknown(Origin("a", 1), ["\x1b[2J\u202egnp.exe", "k" * 10_000])
    report.unreadable(Origin("a", 1), "malformed", "\x1b]0;title\x07")
    shown = str(report.unknown_shapes[0]) + str(report.problems[0])
    assert shown.isprintable()
    assert len(shown) < 500
