"""Suppressing what is like a finding, by the forms of the pages: shown first, then done, and ended early."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.cli.telemetry import BITSADMIN, process, write
from tests.service.asked import found

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.store import Store

from .kept import Browser, browsing

WHY = 'migration <b>CHG-1042</b> "now"'


class Site:
    """Two findings that are like each other, and an analyst."""

    def __init__(self, folder: Path, rules: RuleSet, browser: Browser) -> None:
        self.folder, self.rules, self.browser = folder, rules, browser
        self.findings = self.save(2, 900)
        browser.log_in(browser.asked.made("bo", "act"))

    def save(self, *seconds: int) -> list[Finding]:
        records = [process(BITSADMIN, second=second) for second in seconds]
        made = found(write(self.folder / f"{seconds[0]}.jsonl", *records), self.rules)
        Store(str(self.folder / "kept.sqlite")).save(made)
        return made

    @property
    def page(self) -> str:
        return f"/findings/{self.findings[0].id}/suppress"

    def shown(self, **fields: str) -> str:
        """What it would hide, as the page has it."""
        return self.browser.send(self.page, self.page, **{"until": "14d", "why": WHY, **fields}).text

    def confirmed(self, shown: str) -> str:
        """What comes of the button that suppresses."""
        form = next(each for each in re.findall(r"<form.*?</form>", shown, re.DOTALL) if 'name="shown"' in each)
        fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
        answer = self.browser("POST", self.page, data=fields)
        return self.browser.get(answer.headers["Location"]).text if answer.status_code == 303 else answer.text

    @property
    def files(self) -> list[Path]:
        return list((self.folder / "suppressions").glob("*.yml"))


@pytest.fixture
def site(tmp_path: Path, rules: RuleSet) -> Iterator[Site]:
    with browsing(tmp_path, rules) as browser:
        yield Site(tmp_path, rules, browser)


def test_what_it_would_hide_is_shown_before_and_its_end_after(site) -> None:
    assert "Show what it would hide" in site.browser.get(site.page).text
    shown = site.shown()
    assert "It would also have hidden 1 finding that is kept" in shown
    assert html.escape(WHY, quote=False) in shown.replace("&#34;", '"')
    assert site.files == []
    incident = site.confirmed(shown)
    assert "is suppressed until" in incident
    assert '<span class="mark">suppressed</span>' in incident
    (file,) = site.files
    assert yaml.safe_load(file.read_text("utf-8"))["description"].startswith(WHY)
    listed = site.browser.get("/suppressions").text
    assert ">holds</span>" in listed
    assert "<b>CHG" not in listed


def test_it_is_ended_early_with_a_reason_and_stays_as_a_record(site) -> None:
    site.confirmed(site.shown())
    site.browser.send(f"/findings/{site.findings[0].id}/unsuppress", "/suppressions", why="it was theft")
    listed = site.browser.get("/suppressions").text
    assert "has ended" in listed
    assert ">ended</span>" in listed
    assert "(ended early by bo: it was theft)" in listed
    assert "End it</button>" not in listed
    (file,) = site.files
    assert yaml.safe_load(file.read_text("utf-8"))["exfilwatch"]["until"]
    again = site.browser.send(f"/findings/{site.findings[0].id}/unsuppress", "/suppressions", why="again")
    assert again.status_code == 303
    assert "has ended already" in site.browser.get("/suppressions").text
    site.confirmed(site.shown())
    assert ">holds</span>" in site.browser.get("/suppressions").text


def test_what_would_hide_a_known_true_positive_is_refused(site) -> None:
    store = site.browser.asked.service.store
    store.mark(site.findings[1].id, Disposition.TRUE_POSITIVE, "it was")
    shown = site.shown()
    assert "it would hide a finding that is marked as a true positive" in shown
    assert "Suppress it</button>" not in shown
    assert f'value="{html.escape(WHY, quote=False)}"'.replace('"now"', "&#34;now&#34;") in shown  # as it was written
    assert site.files == []


@pytest.mark.parametrize("then", ["another like it", "a true positive"])
def test_what_has_changed_since_it_was_shown_is_shown_anew(site, then) -> None:
    shown = site.shown()
    if then == "a true positive":
        site.browser.asked.service.store.mark(site.findings[1].id, Disposition.TRUE_POSITIVE, "it was")
    else:
        site.save(1800)
    answer = site.confirmed(shown)
    assert ("marked as a true positive" if then == "a true positive" else "look again") in answer
    assert site.files == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"why": "  "}, "say why"),
        ({"until": "", "day": ""}, "use a length of time"),
        ({"day": "2020-01-01"}, "must be to come"),
        ({"day": "2999-01-01"}, "within a year"),
        ({"until": "nonsense"}, "use a length of time"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_that_was_written_is_lost(site, fields, said) -> None:
    shown = site.shown(**fields)
    assert said in shown
    assert "Suppress it</button>" not in shown
    assert site.files == []


def test_a_folder_that_has_what_is_no_suppression_is_listed_all_the_same(site) -> None:
    site.confirmed(site.shown())
    folder = site.folder / "suppressions"
    for name, text in {"a": "[", "b": "- 1\n", "c": "title: x\nexfilwatch: {until: never}\n", "d": "\0"}.items():
        (folder / f"{name}.yml").write_text(text, "utf-8")
    listed = site.browser.get("/suppressions").text
    assert listed.count(">unreadable</span>") == 4
    assert listed.count(">holds</span>") == 1


def test_who_may_only_read_sees_them_and_ends_none(site) -> None:
    site.confirmed(site.shown())
    site.browser.log_in(site.browser.asked.made("cy", "read"))
    listed = site.browser.get("/suppressions").text
    assert ">holds</span>" in listed
    assert "End it</button>" not in listed
    assert site.browser.get(site.page).status_code == 403
