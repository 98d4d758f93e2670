"""What is around a finding: the timeline, the process tree, and why it fired."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.telemetry import BITSADMIN, GUID, process, write
from tests.polling.memory_siem import MemorySiem

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import ConfigError, PartialResult, SourceError, Unreachable
from exfilwatch.findings.finding import Finding
from exfilwatch.siem.siem import SECOND

from .kept import Around, context, did, found, in_memory
from .test_hunt import records


def started(second: int, image: str, command: str, parent: int, **more: Any) -> dict[str, Any]:
    """A process with a parent that was started at a second too."""
    return process(
        command,
        image,
        second,
        ParentProcessGuid=GUID % parent,
        ParentProcessId=4000 + parent,
        **{"ParentImage": r"C:\Windows\System32\cmd.exe", "ParentCommandLine": "cmd /c x.bat", **more},
    )


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """Explorer starts a shell, which collects, packs and uploads; another host, and another user there."""
    shell, tool = r"C:\Windows\System32\cmd.exe", r"C:\Windows\System32\bitsadmin.exe"
    explorer = {"ParentImage": r"C:\Windows\explorer.exe", "ParentCommandLine": "explorer.exe"}
    return write(
        tmp_path / "story.jsonl",
        started(1, shell, "cmd /c x.bat", 0, **explorer),
        started(2, r"C:\Windows\System32\tar.exe", r"tar -czf a.zip C:\Users\anna\Documents", 1),
        started(3, tool, BITSADMIN, 1),
        started(4, r"C:\Windows\System32\conhost.exe", "conhost.exe 0x4", 3),
        started(5, r"C:\Windows\notepad.exe", "notepad.exe", 0, **explorer),
        started(6, tool, "bitsadmin /list", 0, Hostname="WS-08", **explorer),
        started(7, tool, "bitsadmin /list /verbose", 0, Hostname="WS-08", User=r"CORP\bob", **explorer),
        started(3500, r"C:\Windows\notepad.exe", "notepad.exe later", 0, **explorer),
    )


@pytest.fixture
def kept_story(story: Path, tmp_path: Path, rules: RuleSet) -> tuple[Around, Finding]:
    work = context(tmp_path, rules)
    work.store.save(found(story, rules))
    (upload,) = [
        each
        for each in work.store.find()
        if "bitsadmin" in str(each.events[0].fields["Image"]).lower() and len(each.events) == 1
    ]
    return work, upload


def test_the_timeline_is_that_of_the_host(kept_story: tuple[Around, Finding]) -> None:
    work, upload = kept_story
    answer = did("get_timeline", work, finding=upload.id)
    assert [each.what.split()[0] for each in answer.events] == ["cmd", "tar", "bitsadmin", "conhost.exe", "notepad.exe"]
    assert [each.evidence for each in answer.events] == [False, False, True, False, False]
    assert {each.host for each in answer.events} == {"WS-07"}
    assert all(each.of_user for each in answer.events)
    assert answer.sources == [upload.source]


def test_the_user_is_followed_to_other_hosts(kept_story: tuple[Around, Finding]) -> None:
    work, upload = kept_story
    answer = did("get_timeline", work, finding=upload.id, elsewhere=True)
    assert [each.what for each in answer.events if each.host == "WS-08"] == ["bitsadmin /list"]


def test_of_many_events_the_nearest_are_given(kept_story: tuple[Around, Finding]) -> None:
    work, upload = kept_story
    answer = did("get_timeline", work, finding=upload.id, limit=2)
    assert [each.what.split()[0] for each in answer.events][-1] in ("bitsadmin", "conhost.exe")
    assert any(each.evidence for each in answer.events)
    assert answer.problems == ["only the 2 nearest of 5 events: raise limit or lower minutes"]


def test_the_tree_is_from_the_shell_down(kept_story: tuple[Around, Finding]) -> None:
    work, upload = kept_story
    answer = did("get_process_tree", work, finding=upload.id)
    assert [(each.depth, each.program, each.seen, each.evidence) for each in answer.processes] == [
        (0, "explorer.exe", False, False),
        (1, "cmd.exe", True, False),
        (2, "tar.exe", True, False),
        (2, "bitsadmin.exe", True, True),
        (3, "conhost.exe", True, False),
    ]
    few = did("get_process_tree", work, finding=upload.id, limit=3)
    assert [each.program for each in few.processes] == ["explorer.exe", "cmd.exe", "bitsadmin.exe"]
    assert few.problems == ["only 3 of 5 processes: raise limit"]


def test_both_are_asked_of_the_siem_that_the_finding_is_from(story: Path, tmp_path: Path, rules: RuleSet) -> None:
    siem = MemorySiem(records(story), cap=2)
    siem.clock = siem.records[-1].time + 3600 * SECOND
    work = in_memory(tmp_path, rules, siem)
    did("hunt", work)
    (upload,) = [
        each
        for each in work.store.find(host="ws-07")
        if len(each.events) == 1
        and each.source == "memory"
        and "bitsadmin" in str(each.fields).lower() + str(each.events[0].fields).lower()
    ]
    siem.asked.clear()
    timeline = did("get_timeline", work, finding=upload.id)
    assert len(timeline.events) == 5
    assert timeline.sources == ["memory"]
    assert all(ask.hosts == ("WS-07",) for ask in siem.asked)
    tree = did("get_process_tree", work, finding=upload.id)
    assert [each.program for each in tree.processes][:2] == ["explorer.exe", "cmd.exe"]
    siem.faults = [(0, Unreachable("memory: no answer"))]
    with pytest.raises(SourceError, match="memory: no answer"):
        did("get_timeline", work, finding=upload.id)
    siem.faults = [(0, PartialResult("memory: shards failed", smaller=False))]
    cut = did("get_timeline", work, finding=upload.id)
    assert (cut.problems, "not all could be looked at" in cut.summary) == (["memory: memory: shards failed"], True)


def test_without_a_place_to_ask_that_is_said(kept_story: tuple[Around, Finding], story: Path) -> None:
    work, upload = kept_story
    story.unlink()
    with pytest.raises(ConfigError, match="there is nothing to ask"):
        did("get_timeline", work, finding=upload.id)


def test_an_explanation_says_what_matched_and_what_not(kept_story: tuple[Around, Finding], story: Path) -> None:
    work, upload = kept_story
    answer = did("explain_finding", work, finding=upload.id)
    matched = [each for each in answer.signals if each.matched]
    assert matched
    assert all(each.rule == upload.rule.title for each in answer.signals)
    assert {each.matched for each in answer.signals} > {None} or len(matched) == len(answer.signals)
    assert answer.guide
    assert answer.problems == []
    story.unlink()
    assert did("explain_finding", work, finding=upload.id).problems == [
        f"{upload.source}: the events are no longer there"
    ]


HOSTILE = ['ws" or 1=1 //', "ws\\", "ws'; drop", "*", "ws-07|x", "\u202ews", "ws\n| delete", "[x]", "%name%"]


@pytest.mark.parametrize("host", HOSTILE)
def test_hostile_hosts_and_users_are_only_compared(host: str, tmp_path: Path, rules: RuleSet) -> None:
    record = process(BITSADMIN, second=3, Hostname=host, User=host)
    other = process("notepad.exe", r"C:\Windows\notepad.exe", second=4)
    path = write(tmp_path / "hostile.jsonl", record, other)
    siem = MemorySiem(records(path))
    siem.clock = siem.records[-1].time + 3600 * SECOND
    work = in_memory(tmp_path, rules, siem)
    did("hunt", work)
    kept = work.store.find()
    assert kept
    answer = did("get_timeline", work, finding=kept[0].id, elsewhere=True)
    assert {each.host for each in answer.events} == {json.loads(json.dumps(host))}
