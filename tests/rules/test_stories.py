"""Whole stories: what is gathered, packed and sent on one host is one grave incident with every event as evidence."""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.findings.incident import group, rank
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import pack

from ..harmless.corpus import started  # noqa: TID252
from ..process_starts import RECORDS, START, System  # noqa: TID252 (tests are no package on the path)

APART = timedelta(minutes=4)


class Story(msgspec.Struct, forbid_unknown_fields=True):
    """What was started on one host, in order."""

    title: str
    system: System
    lines: list[str]


STORIES = msgspec.convert(read_yaml(Path(__file__).with_name("stories.yml").read_text("utf-8")), list[Story])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Detection]:
    log = tmp_path_factory.mktemp("stories") / "log.jsonl"
    records = (
        RECORDS[story.system](started(line, story.system), story.title, START + number * APART)
        for story in STORIES
        for number, line in enumerate(story.lines)
    )
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    report = Report()
    return list(Engine(load([pack("exfil")]), report).run(open_inputs([str(log)], report, Limits(), replayable=True)))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_a_story_is_one_grave_incident_with_every_event_as_evidence(story: Story, found: list[Detection]) -> None:
    of_it = {finding(each).id: each for each in found if each.events[0].host == story.title}
    (incident,) = group(map(finding, of_it.values()))
    assert rank(incident.level) >= rank("high")
    told = {event.get("CommandLine") for each in incident.findings for event in of_it[each].events}
    assert set(story.lines) <= told
