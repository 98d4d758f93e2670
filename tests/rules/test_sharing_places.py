"""The rules that name places for files, so that a SIEM can be asked, name all of those that the catalogue knows."""

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from exfilwatch.commands import destinations
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.report import Report
from exfilwatch.packaged import packaged

KINDS = ("file sharing", "paste")
RULES = files("exfilwatch.rules.exfil")
FIELDS = {"odd_program_connects": "DestinationHostname", "odd_program_looks_up": "QueryName"}


@pytest.mark.parametrize("rule", FIELDS)
def test_every_place_of_the_catalogue_is_named(rule: str) -> None:
    detection = yaml.safe_load(RULES.joinpath(f"{rule}.yml").read_text("utf-8"))["detection"]
    ends = tuple(detection["named"][f"{FIELDS[rule]}|endswith"])
    catalogue = packaged("exfilwatch.commands", "destinations.yml")
    names = [name for kind in KINDS for name in catalogue[kind]]

    assert len(names) > 50
    assert [name for name in names if not name.endswith(ends)] == []
    assert {destinations.kind_of(end) for end in ends} == {*KINDS, "cloud storage", "messaging"}


@pytest.mark.parametrize(
    ("image", "name", "level"),
    [
        (r"C:\ProgramData\upd\winupd.exe", "g.api.mega.co.nz", "medium"),
        (r"C:\Users\Public\u.exe", "store1.gofile.io", "medium"),
        (r"C:\Users\m\Downloads\MEGAsyncSetup.exe", "g.api.mega.co.nz", "low"),
        (r"C:\Windows\System32\rundll32.exe", "store1.gofile.io", "low"),
        (r"C:\ProgramData\upd\winupd.exe", "api.telegram.org", "low"),
        (r"C:\ProgramData\chocolatey\bin\u.exe", "store1.gofile.io", "low"),
    ],
)
@pytest.mark.parametrize("rule", FIELDS)
def test_what_was_dropped_is_graver_than_what_is_installed(rule: str, image: str, name: str, level: str) -> None:
    category = {"odd_program_connects": "network_connection", "odd_program_looks_up": "dns_query"}[rule]
    rules = load([Path(str(RULES.joinpath(f"{rule}.yml")))])
    fields = {"Image": image, FIELDS[rule]: name, "Computer": "WS1"}
    event = Event("flat", category, "windows", "sysmon", 0, None, "WS1", "1", Origin("log.jsonl", 1), fields, {})
    (found,) = Engine(rules, Report()).detect([event])
    assert found.rule.level == level
