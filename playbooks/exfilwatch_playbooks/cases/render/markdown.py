"""Markdown: CommonMark, its older kin, and what TheHive and the local cases show. Made by hostile.py."""

import re
from collections.abc import Callable

from exfilwatch_playbooks.cases.document import (
    Block,
    Checks,
    Code,
    CodeBlock,
    Document,
    Emphasis,
    Heading,
    Items,
    Paragraph,
    Quote,
    Run,
    Runs,
    Strong,
    Table,
    Text,
)
from exfilwatch_playbooks.cases.render.renderer import Renderer, language_of
from exfilwatch_playbooks.hostile import code, fence, prose, visible

_OWN = re.compile(r"[\\`*_\[\]]|<|!(?=\[)|&(?=#?\w+;)|(?<!\S)#|[~|^](?=\S)")
_FIRST = re.compile(r"^([-+=>]|\d+(?=[.)]))")


def write(document: Document) -> str:
    """The document in Markdown."""
    return "\n\n".join(block(each) for each in document)


def block(each: Block) -> str:
    match each:
        case Heading():
            return f"{'#' * each.level} {runs(each.runs)}"
        case Paragraph():
            return paragraph(each.runs)
        case CodeBlock():
            return fence(each.text, language_of(each), each.limit)
        case Items():
            return "\n".join(
                f"{f'{number}.' if each.ordered else '-'} {paragraph(item)}"
                for number, item in enumerate(each.items, each.start)
            )
        case Checks():
            return "\n".join(f"- [{'x' if done else ' '}] {runs(item)}" for done, item in each.items)
        case Table():
            return table(each, runs)
        case Quote():
            return "\n>\n".join(f"> {paragraph(each)}" for each in each.paragraphs)


def runs(given: Runs) -> str:
    """In the middle of a line."""
    return "".join(_run(run) for run in given)


def paragraph(given: Runs) -> str:
    """On a line of its own, where the first characters could begin a list, a quotation or, as spaces, code."""
    text = runs(given).lstrip(" ")
    if given and isinstance(given[0], (str, Text)):
        return _FIRST.sub(lambda found: _escaped_first(found[0]), text)
    return text


def _escaped_first(mark: str) -> str:
    return f"{mark}\\" if mark.isdigit() else f"\\{mark}"


def _run(run: Run) -> str:
    match run:
        case str():
            return own(run)
        case Text():
            return prose(run.text, run.limit)
        case Code():
            return code(run.text, run.limit)
        case Strong():
            return f"**{own(run.text)}**"
        case Emphasis():
            return f"*{own(run.text)}*"


def own(text: str) -> str:
    """Our own words: only what would be markup is escaped."""
    return _OWN.sub(lambda found: "&lt;" if found[0] == "<" else f"\\{found[0]}", visible(text))


def table(each: Table, write_runs: Callable[[Runs], str]) -> str:
    """With pipes around; no cell holds another one."""
    rows = [each.head, *each.rows]
    head, *others = [f"| {' | '.join(write_runs(_cell(cell)) for cell in row)} |" for row in rows]
    return "\n".join([head, f"|{' --- |' * len(each.head)}", *others])


def _cell(given: Runs) -> Runs:
    """GitHub's Markdown sees a pipe in a code span as the end of the cell, and escapes are read differently."""
    return tuple(Text(run.text, run.limit) if isinstance(run, Code) and "|" in run.text else run for run in given)


MARKDOWN = Renderer("Markdown", write)
