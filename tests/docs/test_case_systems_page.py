"""The page of case systems says what they really are."""

import re
import tomllib

import pytest

from exfilwatch_playbooks.cases.registry import LOCAL

from .papers import ROOT, read, section, table

_ENTRIES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["exfilwatch.case"]
_PAGE = "case-systems.md"
_SECTIONS = {
    "jira": "Jira",
    "servicenow": "ServiceNow",
    "thehive": "TheHive",
    "iris": "DFIR-IRIS",
    "github": "GitHub and GitLab",
    "gitlab": "GitHub and GitLab",
    "pagerduty": "PagerDuty",
    "email": "E-mail",
    "webhook": "Webhook",
}


def loaded(kind: str):
    module, _, name = _ENTRIES[kind].partition(":")
    return getattr(__import__(module, fromlist=[name]), name)


@pytest.mark.parametrize("kind", _SECTIONS)
def test_each_setting_of_a_kind_is_named_in_its_section(kind):
    common = set(re.findall(r"`(\w+)`", section(read(_PAGE), "Kinds").partition("Settings that all")[2]))
    common |= {"kind", "default", "closed", "attach", "title", "body"}
    said = set(re.findall(r"`(\w+)`", section(read(_PAGE), _SECTIONS[kind])))
    assert sorted(set(loaded(kind).Settings.model_fields) - common - said - {"source", "ca", "timeout"}) == []


def test_each_kind_is_in_the_table_with_what_it_can():
    rows = table(section(read(_PAGE), "Kinds"), "kind")
    assert {re.findall(r"`(\w+)`", row[0])[0] for row in rows} == set(_SECTIONS)
    assert set(_SECTIONS) <= set(_ENTRIES) - {LOCAL}
    for row in rows:
        kind = loaded(re.findall(r"`(\w+)`", row[0])[0])
        if hasattr(kind, "capabilities"):
            assert (row[4], row[5]) == (
                "yes" if kind.capabilities.attachments else "no",
                "yes" if kind.capabilities.reads_notes else "no",
            )
            assert row[2] == ("yes" if kind.capabilities.unique else "no")
