"""docs/rules.md and docs/seed-query.md against the rule loader and the packs."""

import re
from pathlib import Path

import pytest
import yaml
from sigma.correlations import SigmaCorrelationType
from sigma.modifiers import modifier_mapping

from exfilwatch.detection import load, output
from exfilwatch.detection.extension import Extension, Score
from exfilwatch.detection.rule_tests import run_tests
from exfilwatch.errors import RuleError
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import pack, packs

from .papers import blocks, named, read, section, spans, table

PAGE = read("rules.md")
# Of expressions (`re` with `i`, `m`, `s`), under their long names.
_SAME = {"ignorecase", "multiline", "dotall"}


def example(key: str) -> str:
    """The YAML of the page that has this key at its left edge."""
    (found,) = (
        block for block in blocks(PAGE, "yaml") if re.search(rf"^{key}:", block, re.MULTILINE) and "..." not in block
    )
    return found


def test_the_packs_of_the_page_are_those_that_come_along():
    assert sorted(named(table(PAGE, "pack"))) == packs()


def test_the_readme_lists_the_same_packs():
    readme = Path(__file__).parents[2] / "README.md"
    assert sorted(named(table(readme.read_text("utf-8"), "pack"))) == packs()


def test_the_keys_of_the_exfilwatch_block_are_those_of_its_model():
    rows = table(section(PAGE, "The `exfilwatch:` block"), "key")
    assert {spans(row[0])[0] for row in rows} == set(Extension.__struct_fields__)
    (score,) = (row for row in rows if row[0] == "`score`")
    assert set(spans(score[1])) == set(Score.__struct_fields__)


def test_the_sources_of_fields_are_those_of_the_program():
    shown = named(table(section(PAGE, "Fields"), "source"))
    documented = {source.partition("(")[0] for source in shown if source.startswith("$")}
    assert documented == set(re.findall(r"\$[a-z]+", output.__doc__ or ""))


@pytest.mark.parametrize("source", named(table(section(PAGE, "Fields"), "source")))
def test_a_source_of_fields_is_taken_as_it_is_shown(source):
    members = ["archive"] if source.startswith("archive.") else []
    output.outputs([{"Shown": source}], lambda _: lambda *_: True, members)


def test_a_source_that_is_not_on_the_page_is_refused():
    with pytest.raises(RuleError, match=r"docs/rules\.md lists the sources"):
        output.outputs([{"Shown": "$hostname"}], None)


def test_the_types_of_correlations_are_those_of_sigma():
    shown = named(table(section(PAGE, "Correlations"), "type"))
    assert sorted(shown) == sorted(each.name.lower() for each in SigmaCorrelationType)


def test_the_modifiers_are_all_that_rules_may_have():
    assert load.load  # which adds the names of the specification that pySigma lacks
    (paragraph,) = (part for part in PAGE.split("\n\n") if part.startswith("**Text** compares"))
    shown = set(re.findall(r"`([a-z0-9]+)`", paragraph.partition("All modifiers")[2]))
    assert shown == modifier_mapping.keys() - _SAME


def test_the_rule_the_filter_and_the_tests_of_the_page_work(tmp_path):
    rules, tests = tmp_path / "rules", tmp_path / "rules" / "tests"
    tests.mkdir(parents=True)
    (rules / "bitsadmin.yml").write_text(example("falsepositives"))
    (tests / "bitsadmin.yml").write_text(example("fires"))
    filtered = read_yaml("\n".join(block for block in blocks(PAGE, "yaml") if "\nfilter:" in block))
    filtered["id"] = "5d0f2f2f-5f0e-4d53-8b6c-4d7d2f3c0a11"  # the page has dots there
    (tmp_path / "filter.yml").write_text(yaml.safe_dump(filtered))
    assert load.check([rules, tmp_path / "filter.yml"]) == []
    outcomes = run_tests([rules])
    assert {outcome.expected for outcome in outcomes} == {"fires", "silent"}
    assert [outcome for outcome in outcomes if not outcome.passed] == []


@pytest.mark.parametrize("branch", ["scripting_engine", "transfer_tool", "archive_then_network"])
def test_the_columns_of_the_seed_query_are_what_its_rules_report(branch):
    (columns,) = re.findall(r"^Columns: (.*?)\n\n", section(read("seed-query.md"), branch), re.MULTILINE | re.DOTALL)
    documents = yaml.safe_load_all((pack("seed") / f"{branch}.yml").read_text("utf-8"))
    fields = next(
        document["exfilwatch"]["fields"] for document in documents if "fields" in document.get("exfilwatch", {})
    )
    reported = [field if isinstance(field, str) else next(iter(field)) for field in fields]
    signals = {"HasUpload", "HasCollection", "HasTransferTool", "SensitivePath"}  # "the four signals"
    assert spans(columns) == [name for name in reported if name not in signals]
    assert ("the four" in columns) == bool(signals & set(reported))
