"""The page of enrichment against the enrichers, their settings and the rules of severity."""

import tomllib

from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.enrichment.general import General
from exfilwatch_playbooks.enrichment.registry import RESERVED, configured, kinds
from exfilwatch_playbooks.enrichment.service import Service
from exfilwatch_playbooks.enrichment.severity import Rules, packaged_rules

from .papers import blocks, named, read, section, spans, table

PAGE = "enrichment.md"
OF_HTTP = "### Any endpoint"


def test_every_enricher_has_a_row():
    assert named(table(section(read(PAGE), "Who is asked"), "enricher")) == sorted(
        kinds(), key=list(kinds()).index
    ) or (sorted(named(table(section(read(PAGE), "Who is asked"), "enricher"))) == sorted(kinds()))


def test_what_is_on_without_settings_is_said_so():
    rows = table(section(read(PAGE), "Who is asked"), "enricher")
    on = {row[0].strip("`") for row in rows if row[-1] == "on"}
    assert on == {name for name, each in kinds().items() if each.by_default}


def test_the_settings_are_those_of_the_program():
    text = read(PAGE)
    said = {name for line in text.splitlines() if line.startswith("| `") for name in spans(line.split("|")[1])}
    for name, each in kinds().items():
        assert set(each.Settings.model_fields) <= said, name
    assert set(General.model_fields) <= said


def test_the_examples_in_toml_are_settings_that_are_taken():
    for block in blocks(read(PAGE), "toml"):
        for name, table_ in tomllib.loads(block)["enrichment"].items():
            if name in RESERVED:
                General.model_validate(table_)
            else:
                configured(name, table_)


def test_every_rule_of_severity_has_a_row():
    rows = table(section(read(PAGE), "Severity"), "rule")
    assert named(rows) == [rule.id for rule in packaged_rules().rules]


def test_the_example_of_a_rule_is_one():
    (text,) = blocks(read(PAGE), "yaml")
    assert Rules.model_validate(read_yaml(text)).rules[0].id == "payroll"


def test_quotas_are_those_of_the_program():
    rows = {row[0]: row[1] for row in table(section(read(PAGE), "Quotas and terms"), "service")}
    virustotal, abuse, grey, otx = (
        kinds()[name].Settings.model_fields for name in ("virustotal", "abuseipdb", "greynoise", "otx")
    )
    assert rows["VirusTotal"].startswith(
        f"{virustotal['per_minute'].default} a minute, {virustotal['per_day'].default} a day"
    )
    assert rows["AbuseIPDB"] == f"{abuse['per_day'].default:,} a day"
    assert rows["GreyNoise"].startswith(f"{grey['per_day'].default} a day")
    assert rows["OTX"] == f"{otx['per_minute'].default} a minute"
    assert issubclass(kinds()["virustotal"], Service)
