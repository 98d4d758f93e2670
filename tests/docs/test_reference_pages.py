"""Tables of the other pages against the program."""

import re
from datetime import timedelta

import pytest

from exfilwatch.config import Settings, settings
from exfilwatch.detection.pattern import TIMEOUT
from exfilwatch.events import report
from exfilwatch.events.limits import MIB, Limits
from exfilwatch.events.specs import shape_specs
from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingRule, FindingSignal
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.cases import body
from exfilwatch_playbooks.response.guide import GENERAL, Guide, guides
from exfilwatch_playbooks.response.phases import PHASES, phases
from exfilwatch_playbooks.response.placeholders import UNKNOWN

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
    page = section(read("response.md"), "Response steps are data")
    assert sorted(named(table(page, "placeholder"))) == sorted(f"{{{name}}}" for name in UNKNOWN)
    (example,) = blocks(page, "yaml")
    assert tuple(re.findall(r"# (verify, .*)$", example, re.MULTILINE)[0].split(", ")) == PHASES
    Guide.model_validate(read_yaml(example))


def test_phases_of_a_response_are_called_what_the_program_calls_them():
    rows = table(section(read("response.md"), "What a plan is made of"), "phase")
    assert [(spans(row[0])[0], *row[2:4], row[4].split(", ")) for row in rows] == [
        (each.name, each.sans, each.react, each.nist) for each in phases().values()
    ]


def test_the_page_of_responses_lists_the_guides_with_what_tells_them():
    rows = {spans(row[0])[0]: row for row in table(section(read("response.md"), "What a plan is made of"), "guide")}
    assert set(rows) == set(guides())
    for name, guide in guides().items():
        assert spans(rows[name][1]) == guide.branches
        told = re.findall(r"T\d{4}(?:\.\d{3})?", rows[name][2])
        assert told == guide.also_when.attack
        assert bool(rows[name][2]) == (guide.also_when != type(guide.also_when)())
    assert rows[GENERAL][1] == "any"


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
