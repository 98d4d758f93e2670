"""Tables of the other pages against the program."""

import re
from datetime import timedelta

import pytest
import yaml

from exfilwatch.config import Settings, settings
from exfilwatch.detection.pattern import TIMEOUT
from exfilwatch.events import report
from exfilwatch.events.limits import MIB, Limits
from exfilwatch.events.specs import shape_specs
from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingRule, FindingSignal
from exfilwatch_playbooks.cases import body
from exfilwatch_playbooks.response.steps import PHASES, UNKNOWN, Step

from .papers import blocks, named, read, section, spans, table

SOURCES = table(section(read("telemetry.md"), "Where the shapes are documented"))


@pytest.mark.parametrize("shape", shape_specs())
def test_the_source_of_a_shape_stands_on_the_page_of_telemetry(shape):
    spec = shape_specs()[shape]
    cells = [row[0] for row in SOURCES if (spec.called or shape) in spans(row[1])]
    urls = re.findall(r"https://[^\s;)]+", spec.source)
    assert urls
    assert [url for url in urls if not any(f"]({url})" in cell for cell in cells)] == []


def test_no_source_is_listed_for_a_shape_that_is_gone():
    assert set(named(SOURCES, 1)) == {spec.called or name for name, spec in shape_specs().items()}


@pytest.mark.parametrize(("page", "heading"), [("command-line.md", "detect"), ("findings.md", "What a finding says")])
def test_the_keys_of_a_finding_are_those_of_its_model(page, heading):
    rows = {row[0]: row[1] for row in table(section(read(page), heading), "key")}
    assert {span for cell in rows for span in spans(cell)} == set(Finding.model_fields)
    assert set(spans(rows["`rule`"])) == set(FindingRule.model_fields)
    (events,) = (said for cell, said in rows.items() if cell == "`events`")
    assert set(spans(events)) == set(EvidenceEvent.model_fields)


def test_the_keys_of_a_signal_are_those_of_its_model():
    assert named(table(section(read("findings.md"), "The explanation"), "key")) == list(FindingSignal.model_fields)


def test_settings_their_variables_and_their_defaults_are_those_of_the_program():
    rows = table(section(read("configuration.md"), "Settings"))
    assert [spans(row[0])[0] for row in rows] == list(Settings.model_fields)
    assert [spans(row[1])[0] for row in rows] == [f"EXFILWATCH_{name.upper()}" for name in Settings.model_fields]
    defaults = {spans(row[0])[0]: spans(row[3].partition("Default: ")[2])[0] for row in rows}
    assert defaults["rules"] == '["exfil"]'
    assert Settings.model_fields["rules"].default == ("exfil",)
    assert defaults["incident_window"] == '"1h"'
    assert Settings.model_fields["incident_window"].default == timedelta(hours=1)
    assert defaults["placeholders"] == str(Settings.model_fields["placeholders"].default)


def test_the_settings_file_of_the_page_is_taken(tmp_path, monkeypatch):
    (example,) = blocks(read("configuration.md"), "toml")
    file = tmp_path / "config.toml"
    file.write_text(example)
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(file))
    assert settings().incident_window == timedelta(hours=2)
    assert settings().rules[0] == "exfil"
    assert settings().placeholders


def test_placeholders_and_phases_of_response_steps_are_those_of_the_program():
    page = section(read("cases.md"), "Response steps are data")
    assert sorted(named(table(page, "placeholder"))) == sorted(f"{{{name}}}" for name in UNKNOWN)
    (example,) = blocks(page, "yaml")
    assert tuple(re.findall(r"# (contain, .*)$", example, re.MULTILINE)[0].split(", ")) == PHASES
    for step in yaml.safe_load(example)["steps"]:
        Step.model_validate(step)


def test_bounds_on_hostile_input_are_those_of_the_program():
    rows = {row[0]: row[1] for row in table(section(read("architecture.md"), "Hostile input"), "what")}
    limits = Limits()
    for what, bounds in {
        "a line or record": [f"{limits.max_line // MIB} MB"],
        "one JSON document over many lines": [f"{limits.max_document // MIB} MB"],
        "an archive": [f"{limits.max_ratio} times", f"{limits.always_allowed // MIB} MB"],
        "an expression of a rule": [f"{TIMEOUT} s"],
        "kinds of problems": [f"{report.KINDS} are"],
        "a case's body": [f"{body.LIMIT // 1000} KB", f"a note {body.NOTE_LIMIT // 1000} KB"],
    }.items():
        assert [bound for bound in bounds if bound not in rows[what]] == []
    damaged = section(read("telemetry.md"), "Damaged and hostile input")
    assert f"more than {limits.max_ratio} times" in damaged
    assert f"over {limits.max_line // MIB} MB" in damaged
