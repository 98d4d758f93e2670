"""Rules and filters that can do nothing say so: once, and before anything is read."""

from pathlib import Path

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack, packs

RULE = """
title: Some rule
id: 0f0f0f0f-0000-4000-8000-0000000000b1
logsource: {LOGSOURCE}
detection:
  a: {x: y}
  condition: a
"""
FILTER = """
title: Our agent
id: 0f0f0f0f-0000-4000-8000-0000000000b2
logsource: {category: process_creation, product: windows}
filter:
  rules: [RULE]
  agent: {Image: 'C:\\agent.exe'}
  condition: not agent
"""


def said(paths: list[Path]) -> list[str]:
    report = Report()
    Engine(load(paths), report)
    return [str(problem) for problem in report.problems]


def test_a_rule_whose_log_source_no_telemetry_here_has_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "cloud.yml").write_text(RULE.replace("LOGSOURCE", "product: aws, service: cloudtrail"), "utf-8")
    (said_once,) = said([tmp_path])
    assert "cloud.yml:2: waits for a log source" in said_once
    assert "Some rule" in said_once


@pytest.mark.parametrize("source", ["category: process_creation", "product: zeek, service: dns", "product: linux"])
def test_a_rule_whose_log_source_is_known_is_not_named(tmp_path: Path, source: str) -> None:
    (tmp_path / "rule.yml").write_text(RULE.replace("LOGSOURCE", source), "utf-8")
    assert said([tmp_path]) == []


@pytest.mark.parametrize("name", packs())
def test_no_rule_of_a_pack_is_named(name: str) -> None:
    assert said([pack(name)]) == []


@pytest.mark.parametrize(("named", "idle"), [("http_upload", True), ("6f1f1c9e-8f0f-4f7e-9b57-0c1c0c2f4f11", False)])
def test_a_filter_that_names_no_loaded_rule_is_named(tmp_path: Path, named: str, idle: bool) -> None:
    (tmp_path / "filter.yml").write_text(FILTER.replace("RULE", named), "utf-8")
    (tmp_path / "rule.yml").write_text(
        RULE.replace("LOGSOURCE", "category: process_creation, product: windows").replace(
            "0f0f0f0f-0000-4000-8000-0000000000b1", "6f1f1c9e-8f0f-4f7e-9b57-0c1c0c2f4f11"
        ),
        "utf-8",
    )
    assert [("Our agent" in each, "for no rule that is loaded" in each) for each in said([tmp_path])] == [
        (True, True)
    ] * idle


@pytest.mark.parametrize(
    ("source", "idle"),
    [
        ("category: process_creation", False),
        ("category: process_creation, product: linux", False),
        ("category: process_creation, product: windows", False),
        ("category: ps_script", True),
        ("product: windows, service: sysmon", True),
    ],
)
def test_a_filter_for_any_rule_whose_log_source_no_loaded_rule_has_is_named(
    tmp_path: Path, source: str, idle: bool
) -> None:
    (tmp_path / "rule.yml").write_text(RULE.replace("LOGSOURCE", "category: process_creation"), "utf-8")
    filters = FILTER.replace("{category: process_creation, product: windows}", f"{{{source}}}")
    (tmp_path / "filter.yml").write_text(filters.replace("[RULE]", "any"), "utf-8")
    assert any("for no rule that is loaded" in each for each in said([tmp_path])) == idle
