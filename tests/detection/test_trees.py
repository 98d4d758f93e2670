"""Which events of a host are of one process tree, and what correlations that ask for it make of that."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.detection.climb import Climb
from exfilwatch.detection.correlate import Match, matches
from exfilwatch.detection.correlation_plan import CorrelationPlan, OfTree
from exfilwatch.detection.detection import Detection, Kinship
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.hits import Hit
from exfilwatch.detection.load import load
from exfilwatch.detection.related import StartsOfHost
from exfilwatch.detection.roots import starts_everything
from exfilwatch.detection.trees import Kin, kin_of, trees
from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event, Origin, Value
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding

SECOND = 1_000_000


def event(**fields: Value) -> Event:
    """An event of a Windows host, a process creation unless it has a destination."""
    category = "network_connection" if "DestinationIp" in fields else "process_creation"
    at, name = int(str(fields.pop("at", 0))), str(fields.pop("id", "x"))
    return Event("test", category, "windows", "", at * SECOND, None, "pc1", name, Origin("t"), fields, {})


def start(
    at: int, pid: int, parent: int = 0, *, guid: str = "", image: str = "bash", end: bool = False
) -> tuple[int, Kin]:
    """A process starts; `image` is its parent's. Of a mere sighting (`end`) nothing but the id is known."""
    if end:
        return at * SECOND, Kin(guid, str(pid), "", "", False, False, "")
    above = "root" if starts_everything(image) else "known" if image else ""
    return at * SECOND, Kin(guid, str(pid), "", str(parent) if parent else "", True, False, above)


def together(events: Iterable[tuple[int, Kin]]) -> list[list[int]]:
    """The trees as positions."""
    return [tree.events for tree in trees(list(events))]


def test_parent_child_and_siblings_are_of_one_tree_and_strangers_are_not() -> None:
    assert together([start(0, 10, 1), start(1, 11, 10), start(2, 12, 10), start(3, 50, 40)]) == [[0, 1, 2], [3]]


def test_the_start_of_a_process_between_connects_grandparent_and_grandchild() -> None:
    ends = [start(0, 11, 10), start(2, 13, 12)]
    assert together(ends) == [[0], [1]]
    assert together([*ends, start(1, 12, 10)]) == [[0, 1, 2]]


@pytest.mark.parametrize("image", [r"C:\Windows\explorer.exe", "/usr/lib/systemd/systemd", "sshd"])
def test_parents_that_start_everything_connect_nobody(image: str) -> None:
    assert together([start(0, 11, 10, image=image), start(1, 12, 10, image=image)]) == [[0], [1]]


def test_who_is_known_once_as_a_parent_of_everything_is_so_where_its_program_is_not_recorded() -> None:
    assert together([start(0, 11, 10, image="sshd"), start(1, 12, 10, image="")]) == [[0], [1]]


def test_a_parent_of_which_nothing_is_known_connects_what_it_started_for_one_user() -> None:
    def child(at: int, pid: int, user: str) -> tuple[int, Kin]:
        return at * SECOND, Kin("", str(pid), "", "10", True, False, "", user)

    children = [child(0, 11, "eva"), child(1, 12, "eva"), child(2, 13, "root")]
    assert together(children) == [[0, 1], [2]]
    assert together([*children, start(3, 14, 10)]) == [[0, 1, 2, 3]]
    assert together([*children, start(0, 10, 9)]) == [[0, 1, 2, 3]]


def test_a_process_id_that_was_given_anew_in_between_connects_nothing() -> None:
    before, after = start(0, 20, 10), start(100, 21, 20)
    assert together([before, after]) == [[0, 1]]
    assert together([before, start(50, 20, 33), after]) == [[0], [1, 2]]
    assert together([before, start(50, 20, 33), start(40, 20, end=True)]) == [[0, 2], [1]]


def test_a_process_id_that_services_get_again_from_the_same_root_connects_nothing() -> None:
    assert together([start(0, 20, 10, image="sshd"), start(50, 20, 10, image="sshd")]) == [[0], [1]]


def test_a_process_that_executes_another_program_goes_on() -> None:
    assert together([start(0, 20, 10), start(5, 21, 20), start(50, 20, 10), start(60, 22, 20)]) == [[0, 1, 2, 3]]


def test_a_process_recorded_with_and_without_guid_is_one() -> None:
    with_guid = (0, Kin("g1", "20", "g0", "10", True, False, "known"))
    without = (SECOND // 2, Kin("", "20", "", "10", True, False, "known"))
    child = (5 * SECOND, Kin("", "21", "", "20", True, False, "known"))
    assert together([with_guid, without, child]) == [[0, 1, 2]]


def test_guids_tell_apart_what_had_one_process_id() -> None:
    first = (0, Kin("g1", "20", "g0", "10", True, False, "known"))
    second = (SECOND // 2, Kin("g2", "20", "g9", "90", True, False, "known"))
    assert together([first, second, (SECOND, Kin("", "20", "", "", False, False, ""))]) == [[0], [1, 2]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ProcessGuid": "{0A1B-2}", "ProcessId": "0x10"}, Kin("0a1b-2", "16", "", "", True, False, "")),
        (
            {"ProcessId": 7, "ParentProcessId": "6", "ParentImage": "/bin/sh"},
            Kin("", "7", "", "6", True, False, "known"),
        ),
        ({"ProcessId": 7, "ParentProcessId": 1}, Kin("", "7", "", "1", True, False, "root")),
        ({"ProcessId": 7, "ParentProcessId": 6, "ParentImage": "-"}, Kin("", "7", "", "6", True, False, "")),
        ({"ProcessId": 7, "DestinationIp": "10.0.0.1"}, Kin("", "7", "", "", False, False, "")),
        ({"ProcessGuid": "{00000000-0000-0000-0000-000000000000}", "ProcessId": "many"}, None),
        ({"Image": "curl"}, None),
    ],
)
def test_ids_are_read_as_sources_write_them(fields: dict[str, Value], expected: Kin | None) -> None:
    assert kin_of(event(**fields)) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (r"C:\Windows\explorer.exe", True),
        (r"c:\WINDOWS\System32\svchost.exe", True),
        (r"C:\Windows\System32\wbem\WmiPrvSE.exe", True),
        (r"\Device\HarddiskVolume3\Windows\System32\services.exe", True),
        (r"\??\C:\Windows\system32\winlogon.exe", True),
        ("System", True),
        ("/usr/sbin/sshd", True),
        ("/usr/lib/openssh/sshd-session", True),
        ("/sbin/launchd", True),
        (r"C:\Users\eva\explorer.exe", False),
        (r"C:\Windows\Temp\svchost.exe", False),
        ("/tmp/systemd", False),
        ("/home/eva/.local/bin/cron", False),
        (r"C:\Windows\System32\cmd.exe", False),
        ("/usr/bin/bash", False),
    ],
)
def test_a_borrowed_name_is_not_one_of_the_system(image: str, expected: bool) -> None:
    assert starts_everything(image) is expected


ids = st.sampled_from(["", "1", "10", "11", "12"])
kins = st.builds(
    Kin,
    st.sampled_from(["", "", "g1", "g2"]),
    st.sampled_from(["10", "11", "12"]),
    st.sampled_from(["", "", "g1", "g3"]),
    ids,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "known", "root"]),
    st.sampled_from(["", "eva", "root"]),
)
stories = st.lists(st.tuples(st.integers(0, 8).map(lambda at: at * SECOND // 2), kins), max_size=10)


@given(stories, st.randoms())
def test_trees_are_the_same_in_any_order(events: list[tuple[int, Kin]], rng: random.Random) -> None:
    def shown(chosen: list[int]) -> set[tuple[frozenset[int], bool]]:
        found = trees([events[at] for at in chosen])
        return {(frozenset(chosen[at] for at in tree.events), tree.whole) for tree in found}

    order = list(range(len(events)))
    rng.shuffle(order)
    assert shown(order) == shown(sorted(order))
    assert sorted(at for tree, _ in shown(order) for at in tree) == sorted(order)


@settings(deadline=None)
@given(stories, stories)
def test_the_starts_that_are_told_to_be_related_say_of_events_what_all_starts_say(
    events: list[tuple[int, Kin]], others: list[tuple[int, Kin]]
) -> None:
    started = [(time, kin._replace(starts=True)) for time, kin in others]
    starts = StartsOfHost()
    for number, (time, kin) in enumerate(started):
        starts.add(time, number, kin[:4])
    chosen = sorted(starts.related([kin for _, kin in events], 0, 2 * SECOND))

    near = [at for at, (time, _) in enumerate(started) if time <= 2 * SECOND]
    assert of_events(events, [started[at] for at in chosen]) == of_events(events, [started[at] for at in near])


def of_events(events: list[tuple[int, Kin]], links: list[tuple[int, Kin]]) -> set[tuple[frozenset[int], bool]]:
    """What is of one tree of the events, as the starts link them."""
    found = [([at for at in tree.events if at < len(events)], tree.whole) for tree in trees([*events, *links])]
    return {(frozenset(at), whole) for at, whole in found if at}


def named_guid(number: int) -> str:
    return f"{number:08}-0000-0000-0000-000000000000" if number else ""


told_kins = st.builds(
    lambda number, pid, *others: Kin(named_guid(number), pid, named_guid(number // 2), "", *others),
    st.integers(1, 15),
    st.sampled_from(["10", "11", "12"]),
    st.booleans(),
    st.sampled_from([False, False, True]),
    st.sampled_from(["", "known", "known", "root"]),
    st.sampled_from(["eva", "root"]),
)
told_stories = st.lists(st.tuples(st.integers(0, 8), told_kins), max_size=8)


@given(told_stories, told_stories)
def test_the_starts_that_are_climbed_to_say_of_events_what_all_starts_say(
    events: list[tuple[int, Kin]], others: list[tuple[int, Kin]]
) -> None:
    started = [(time, kin._replace(starts=True)) for time, kin in others]
    climb = Climb(kin for _, kin in events)
    chosen: list[tuple[int, Kin]] = []
    while asked := climb.take():
        came = [each for each in started if asked & {each[1].guid, each[1].parent_guid}]
        for _, kin in came:
            climb.saw(kin)
        chosen += came
    assert not climb.whole
    assert of_events(events, chosen) == of_events(events, started)


RULES = """
title: both
name: both
level: high
correlation: {type: temporal_ordered, rules: [a, b], group-by: [Computer], timespan: 10m}
exfilwatch: {tree: TREE}
---
title: a
name: a
logsource: {category: process_creation}
detection: {s: {CommandLine: a}, condition: s}
---
title: b
name: b
logsource: {category: process_creation}
detection: {s: {CommandLine: b}, condition: s}
"""


@pytest.fixture
def detected(tmp_path: Path):
    """What the correlation finds in events, each with the ids of its events."""

    def run(tree: str, *events: Event) -> list[Detection]:
        path = tmp_path / "rules.yml"
        path.write_text(RULES.replace("TREE", tree))
        return list(Engine(load([path]), Report()).detect(events))

    return run


def line(name: str, text: str, at: int, **fields: Value) -> Event:
    return event(id=name, at=at, Computer="pc1", CommandLine=text, ParentImage="bash", **fields)


PACKED = line("packed", "a", 0, ProcessId=11, ParentProcessId=10)
OTHER = line("other", "a", 5, ProcessId=51, ParentProcessId=50)
SENT = line("sent", "b", 9, ProcessId=12, ParentProcessId=10)
UNNAMED = [line("packed", "a", 0), line("sent", "b", 9)]


def said(found: list[Detection]) -> list[tuple[list[str], str, Value]]:
    return [([event.id for event in each.events], each.rule.level, each.fields.get("Processes")) for each in found]


def test_a_sequence_of_one_tree_has_no_event_of_others_as_evidence(detected) -> None:
    for tree in ("prefer", "require"):
        assert said(detected(tree, PACKED, OTHER, SENT)) == [(["packed", "sent"], "high", "of one process tree")]


def test_what_only_the_host_has_in_common_weighs_less_or_is_not_asked_for(detected) -> None:
    expected = [(["other", "sent"], "medium", "of one host, but of different process trees")]
    assert said(detected("prefer", OTHER, SENT)) == expected
    assert detected("require", OTHER, SENT) == []


def test_where_processes_are_not_recorded_the_host_is_what_they_have_in_common(detected) -> None:
    expected = [(["packed", "sent"], "high", "of one host; which process started which is not recorded")]
    for tree in ("prefer", "require"):
        assert said(detected(tree, *UNNAMED)) == expected


SHELL = line("shell", "sh job.sh", 7, ProcessId=50, ParentProcessId=10)
"""A child of the shell that packed, and the parent of who sends."""


@pytest.mark.parametrize("at", [3, -500, 8])
def test_starts_of_processes_that_no_rule_asks_for_link_a_sequence(detected, at: int) -> None:
    sent = line("sent", "b", 9, ProcessId=51, ParentProcessId=50)
    shell = msgspec.structs.replace(SHELL, time=at * SECOND)
    assert [kinship for *_, kinship in said(detected("prefer", PACKED, sent))] == [Kinship.APART]
    for tree in ("prefer", "require"):
        assert said(detected(tree, PACKED, shell, sent)) == [(["packed", "sent"], "high", Kinship.TREE)]


@pytest.mark.parametrize("ids", ["numbers", "guids", "neither"])
def test_starts_in_a_file_that_are_never_decoded_in_full_link_as_well(tmp_path: Path, ids: str) -> None:
    def record(second: int, text: str, process: int, parent: int) -> str:
        guids = {"ProcessGuid": f"{{A-{process}}}", "ParentProcessGuid": f"{{A-{parent}}}"}
        numbers = {"ProcessId": str(process), "ParentProcessId": str(parent)}
        named = {"numbers": numbers, "guids": guids | numbers, "neither": {}}[ids]
        channel = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Hostname": "pc1"}
        fields = {"Image": "x.exe", "ParentImage": "cmd.exe", "CommandLine": text, "User": "eva"}
        return json.dumps(channel | {"@timestamp": f"2026-01-01T00:00:{second:02}.000Z"} | named | fields)

    (tmp_path / "rules.yml").write_text(RULES.replace("TREE", "prefer"))
    lines = [record(0, "a", 11, 10), record(1, "a", 21, 20), record(2, "job", 12, 10), record(3, "b", 13, 12)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    report = Report()
    inputs = open_inputs([str(tmp_path / "log.jsonl")], report, Limits(), replayable=True)
    found = list(Engine(load([tmp_path / "rules.yml"]), report).run(inputs))
    expected = (Kinship.UNTOLD, 3) if ids == "neither" else (Kinship.TREE, 2)
    assert [(each.kinship, len(each.events)) for each in found] == [expected]


@pytest.mark.parametrize(("at", "computer"), [(-601, "pc1"), (10, "pc1"), (3, "pc2")])
def test_starts_link_from_one_timespan_before_to_the_end_and_on_one_host(detected, at: int, computer: str) -> None:
    sent = line("sent", "b", 9, ProcessId=51, ParentProcessId=50)
    shell = msgspec.structs.replace(SHELL, time=at * SECOND, fields=SHELL.fields | {"Computer": computer})
    assert [kinship for *_, kinship in said(detected("prefer", PACKED, shell, sent))] == [Kinship.APART]


def test_a_process_id_that_a_stranger_got_in_between_connects_nothing(detected) -> None:
    stranger = line("stranger", "vim", 6, ProcessId=11, ParentProcessId=70)
    child = line("sent", "b", 9, ProcessId=12, ParentProcessId=11)
    assert said(detected("require", PACKED, child)) == [(["packed", "sent"], "high", Kinship.TREE)]
    assert detected("require", PACKED, stranger, child) == []


def test_a_child_of_a_fork_that_left_no_event_is_not_said_to_be_apart(detected) -> None:
    unknown = event(id="sent", at=9, Computer="pc1", CommandLine="b", ProcessId=12, ParentProcessId=99)
    assert [level for _, level, _ in said(detected("prefer", PACKED, unknown))] == ["high"]


def test_events_that_turn_out_to_be_of_one_tree_are_another_finding(detected) -> None:
    apart, of_tree = detected("prefer", OTHER, SENT), detected("prefer", PACKED, SENT)
    renamed = [msgspec.structs.replace(each, id="other") if each.id == "packed" else each for each in of_tree[0].events]
    of_tree[0].events = renamed
    assert finding(apart[0]).id != finding(of_tree[0]).id


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("type: temporal_ordered", "type: event_count, condition: {gte: 2}", "needs a temporal correlation"),
        ("type: temporal_ordered", "type: temporal, condition: a and not b", "needs a temporal correlation"),
        ("[Computer]", "[User]", "needs Computer in the group-by"),
        ("TREE", "perhaps", "perhaps"),
    ],
)
def test_what_can_not_be_asked_of_trees_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(RULES.replace(old, new).replace("TREE", "prefer"))
    with pytest.raises(RuleError, match=why):
        load([path])


def of_trees(tree: OfTree) -> CorrelationPlan:
    return CorrelationPlan("r", "r", "temporal_ordered", ("a", "b"), SECOND, ("Computer",), {}, (), tree=tree)


@st.composite
def hit_lists(draw: st.DrawFn) -> list[Hit]:
    story = draw(stories)
    return [
        Hit(rule, ("g",), time, f"e{number}", kin=draw(st.sampled_from([kin, kin, None])))
        for number, (time, kin) in enumerate(story)
        for rule in sorted(draw(st.sets(st.sampled_from("ab"), min_size=1)))
    ]


def names(match: Match) -> set[tuple[str, str]]:
    return {(hit.rule, hit.event) for hit in match.hits}


@settings(deadline=None)
@given(hit_lists(), st.randoms())
def test_matches_of_trees_are_those_of_any_order_lie_in_one_of_the_host_and_share_no_hit(
    hits: list[Hit], rng: random.Random
) -> None:
    found = matches(of_trees("prefer"), hits)
    shuffled = list(hits)
    rng.shuffle(shuffled)
    assert matches(of_trees("prefer"), shuffled) == found
    of_host = [names(match) for match in matches(of_trees(None), hits)]
    assert all(any(names(match) <= whole for whole in of_host) for match in found)
    assert sum(len(match.hits) for match in found) == len(set().union(*map(names, found)))
    for whole in of_host:
        assert any(names(match) <= whole for match in found), "what the host holds is found one way or the other"
    required = matches(of_trees("require"), hits)
    assert [each for each in found if each.kinship is Kinship.TREE] == [
        e for e in required if e.kinship is Kinship.TREE
    ]
