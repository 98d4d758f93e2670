"""The pages of rules: made of the rules and their tests."""

import re

import pytest
import yaml

from exfilwatch.detection import rule_tests
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import FILTERS, pack, packs
from exfilwatch_playbooks.cli.boundary import run
from exfilwatch_playbooks.rule_pages import attack

from .papers import rule_pages, section

FILES = [path for folder in (*map(pack, packs()), FILTERS) for path in sorted(folder.glob("*.yml"))]


def page_of(path) -> str:
    return rule_pages()[f"{path.parent.name}/{path.stem}.md"]


def test_every_rule_and_filter_has_a_page_and_the_overview_links_to_it():
    assert {f"{path.parent.name}/{path.stem}.md" for path in FILES} == rule_pages().keys() - {"all.md"}
    assert set(re.findall(r"\]\((\w+/\w+\.md)\)", rule_pages()["all.md"])) == rule_pages().keys() - {"all.md"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_page_says_what_the_rule_says_and_shows_each_of_its_cases(path):
    shown = page_of(path)
    first, *_ = yaml.safe_load_all(path.read_text("utf-8"))
    assert first["title"] in shown
    assert first["description"].strip() in shown
    assert (first.get("exfilwatch") or {}).get("guide", "").strip() in shown
    assert path.read_text("utf-8").strip() in shown
    for harmless in first.get("falsepositives", []):
        assert harmless in shown
    for cases in read_yaml(rule_tests.tests_of(path).read_text("utf-8")).values():
        for why in (case["why"] for case in cases if isinstance(case, dict)):
            assert why[1:] in shown


def test_links_between_pages_lead_to_pages_and_parts():
    for name, page in rule_pages().items():
        text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page, flags=re.MULTILINE | re.DOTALL)
        folder = name.rpartition("/")[0]
        for target in re.findall(r"\]\(((?!https?:)[^()\s]+)\)", text):
            file, _, anchor = target.partition("#")
            path = name if not file else file.removeprefix("../") if folder else file
            assert path in rule_pages(), (name, target)
            assert not anchor or f'<a id="{anchor}">' in rule_pages()[path], (name, target)


def test_techniques_of_the_packs_are_called_by_their_names():
    named = {found for path in FILES for found in re.findall(r"attack\.(t\d{4}(?:\.\d{3})?)", path.read_text("utf-8"))}
    assert {each.upper() for each in named} <= attack.TECHNIQUES.keys()


def test_an_example_has_the_level_and_the_facts_of_its_finding():
    fires = section(page_of(pack("exfil") / "http_upload.yml"), "Must fire")
    assert re.search(r"A file by PUT\*\*.*>high<.*destination `files\.example\.net`.*`documents`", fires)
    assert re.search(r"To loopback.*>low<", fires)


def test_a_sequence_says_its_order_its_span_and_what_its_parts_look_at():
    text = section(page_of(pack("exfil") / "staged_then_upload.yml"), "When it fires")
    assert "in this order, within **4 hours**, of the same `Computer`" in text
    assert "`command.does` is `archive`, `encrypt` or `split`" in text


def test_a_rule_names_the_filters_that_take_from_it_and_a_filter_its_rules():
    assert "[Backups To The Servers Of This Site](../filters/backup_servers.md)" in page_of(
        pack("exfil") / "backup_upload.yml"
    )
    assert "%backup_servers%" in section(page_of(pack("exfil") / "backup_upload.yml"), "How to tune it")
    assert "../exfil/backup_upload.md" in page_of(FILTERS / "backup_servers.yml")
    assert "../filters/" not in page_of(pack("seed") / "transfer_tool.yml")


def test_pages_of_ones_own_rules_are_written_where_one_says(tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "put.yml").write_text((pack("exfil") / "http_upload.yml").read_text("utf-8"), "utf-8")
    assert run(["rules", "docs", str(mine), "--out", str(tmp_path / "site")]) == 0
    assert "Upload By An HTTP Client" in (tmp_path / "site" / "all.md").read_text("utf-8")
    assert "## When it fires" in (tmp_path / "site" / "mine" / "put.md").read_text("utf-8")
    assert "2 pages" in capsys.readouterr().err


def test_a_technique_without_a_tactic_is_named_alone(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    text = (pack("exfil") / "http_upload.yml").read_text("utf-8")
    tags = re.sub(r"^tags:\n(?:  - .*\n)+", "tags:\n  - attack.t1048\n", text, flags=re.MULTILINE)
    (mine / "put.yml").write_text(tags, "utf-8")
    assert run(["rules", "docs", str(mine), "--out", str(tmp_path / "site")]) == 0
    assert "\nATT&CK: [T1048](" in (tmp_path / "site" / "mine" / "put.md").read_text("utf-8")
