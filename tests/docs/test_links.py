"""Links lead somewhere, every page is in the navigation, and paths that are named exist."""

import re
import tomllib

import pytest

from .papers import DOCS, PAGES, PAPERS, ROOT, anchors, links, name, pages_of, prose, rule_pages, site, spans

# Names that stand for one of many.
_PLACEHOLDER = re.compile(r"NAME|BRANCH|\*|\.\.\.")


@pytest.mark.parametrize("paper", PAPERS, ids=name)
def test_relative_links_lead_to_files_and_headings(paper):
    for target in links(paper):
        file, _, anchor = target.partition("#")
        path = (paper.parent / file).resolve() if file else paper
        if path.is_relative_to(DOCS / "rules"):
            assert path.relative_to(DOCS / "rules").as_posix() in rule_pages()
            continue
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def test_every_page_is_in_the_navigation_and_nothing_else():
    assert sorted(pages_of(site()["nav"])) == sorted(page.name for page in PAGES)


def test_the_readme_links_to_every_page_but_the_home_page_and_the_copy_of_contributing():
    linked = {target.partition("#")[0] for target in links(ROOT / "README.md")}
    assert {f"docs/{page.name}" for page in PAGES} - linked == {"docs/index.md", "docs/contributing.md"}


def test_the_home_page_links_to_every_other_page():
    linked = {target.partition("#")[0] for target in links(DOCS / "index.md")}
    assert {page.name for page in PAGES} - linked == {"index.md"}
    assert "rules/all.md" in linked


@pytest.mark.parametrize("paper", PAPERS, ids=name)
def test_paths_of_the_repository_that_are_named_exist(paper):
    named = [span for span in spans(prose(paper)) if re.match(r"(connector|playbooks|tests|docs)/\S+$", span)]
    missing = [span for span in named if not _PLACEHOLDER.search(span) and not (ROOT / span).exists()]
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS, ids=name)
def test_make_targets_that_are_named_exist(paper):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = paper.read_text("utf-8")
    assert set(re.findall(r"`make ([a-z]+)", text) + re.findall(r"^ *make ([a-z]+)", text, re.MULTILINE)) <= targets


def test_contributing_links_to_the_same_pages_here_and_on_the_site():
    here, there = ([*links(path)] for path in (ROOT / "CONTRIBUTING.md", DOCS / "contributing.md"))
    assert {target.removeprefix("docs/") for target in here} - {"SECURITY.md"} == set(there)


def test_the_changelog_has_a_heading_for_the_version_or_for_what_is_not_released():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert {"Unreleased", version} & {heading for heading, _ in headings}
    for heading, date in headings:
        assert heading == "Unreleased" or re.fullmatch(r" - \d{4}-\d\d-\d\d", date)
