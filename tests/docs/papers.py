"""The papers of the house, as data: pages, code blocks, tables, links."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from exfilwatch.rules.packs import FILTERS, pack, packs
from exfilwatch_playbooks.rule_pages.pages import pages

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
PAPERS = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")), *PAGES]
_FENCE = re.compile(r"^(```+|~~~+)")


class Line(NamedTuple):
    """A line of a paper, and whether it is code. `number` counts from 1."""

    number: int
    text: str
    code: bool


def name(path: Path) -> str:
    """A paper's path in the repository."""
    return path.relative_to(ROOT).as_posix()


def read(page: str) -> str:
    """The text of a page of docs/."""
    return (DOCS / page).read_text("utf-8")


def lines(path: Path) -> Iterator[Line]:
    """All lines. Code is what is fenced, or indented by four after an empty line."""
    fence, indented, empty = "", False, True
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        found = _FENCE.match(text)
        if fence or found:
            yield Line(number, text, code=not found)
            fence = "" if found and fence else found[0] if found else fence
            continue
        indented = bool(text[:4] == "    " and (empty or indented)) or (indented and not text)
        empty = not text
        yield Line(number, text, code=indented)


def prose(path: Path) -> str:
    """The paper without its code blocks."""
    return "\n".join(line.text for line in lines(path) if not line.code)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one that is not below it."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    below = rf"^{found[1]} {re.escape(heading)}\n(.*?)(?=^#{{1,{len(found[1])}}} |\Z)"
    whole = re.search(below, text, re.MULTILINE | re.DOTALL)
    assert whole
    return whole[1]


def table(text: str, head: str = "") -> list[list[str]]:
    """The rows, without the head, of the first table, or of the first one whose first column is called `head`."""
    rows = re.search(rf"^\| *{re.escape(head)}.*\|\n(?:^\|.*\|\n?)+", text, re.MULTILINE)
    assert rows, f"there is no table {head!r}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[0].splitlines()[2:]]


def spans(text: str) -> list[str]:
    """What stands in code spans."""
    return re.findall(r"`([^`\n]+)`", text)


def named(rows: list[list[str]], column: int = 0) -> list[str]:
    """The code spans of one column of a table."""
    return [span for row in rows for span in spans(row[column])]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@cache
def anchors(path: Path) -> set[str]:
    """The anchors of a paper's headings, as mkdocs and GitHub make them."""
    heads = (line.text for line in lines(path) if not line.code and re.match(r"#+ ", line.text))
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head.lstrip("# ").lower())).strip("-") for head in heads}


def links(path: Path) -> Iterator[str]:
    """The targets of links, inline and by reference, that lead to somewhere in the repository."""
    text = prose(path)
    found = re.findall(r"\]\(([^()\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)
    yield from (target for target in found if not re.match(r"[a-z]+:", target))


@cache
def rule_pages() -> dict[str, str]:
    """The pages that the site has below rules/: made of the rules (docs/rule_pages.py), by path there."""
    return pages([*((name, pack(name)) for name in packs()), (FILTERS.name, FILTERS)])


class _Loader(yaml.SafeLoader):
    """mkdocs.yml has tags of its own."""


_Loader.add_constructor("!relative", lambda loader, node: str(node.value))


def site() -> dict[str, Any]:
    """mkdocs.yml."""
    found: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), _Loader)
    return found


def pages_of(nav: Any) -> Iterator[str]:
    """The pages that a part of the navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(part)
