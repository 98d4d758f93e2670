"""Textile as Redmine reads it: no image (a beacon), macro, link, mention, issue number or wiki page comes out of text.

Redmine shows numeric entities as their characters without reading them, except in <code> and <pre>, whose content is
shown as it stands. What could end those, run there or notify somebody stands as entities without them: other such tags,
macros, comments, `x%x%` (with which Redmine marks entities while it works), and in <code> mentions.
Source: redcloth3.rb, application_helper.rb and acts/mentionable.rb of Redmine 5.
"""

import re

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
from exfilwatch_playbooks.cases.render.renderer import Renderer, entities, lines_of
from exfilwatch_playbooks.hostile import cut, defang, visible

_ACTS = re.compile(r"<\s*[/!?a-z]|\{\{|x%x%|redpre", re.IGNORECASE)


def write(document: Document) -> str:
    """The document in Textile."""
    return "\n\n".join(_block(each) for each in document)


def _block(each: Block) -> str:
    match each:
        case Heading():
            return f"h{each.level}. {_runs(each.runs)}"
        case Paragraph():
            return _runs(each.runs)
        case CodeBlock():
            shown, remark = lines_of(each)
            if _ACTS.search(shown):
                text = "\n".join(_spaced(each) for each in shown.split("\n"))
            else:
                text = f"<pre>{shown}</pre>"
            return f"{text}\n\n{remark}" if remark else text
        case Items():
            return "\n".join(f"{'#' if each.ordered else '*'} {_runs(item)}" for item in each.items)
        case Checks():
            return "\n".join(f"* {'☑' if done else '☐'} {_runs(item)}" for done, item in each.items)
        case Table():
            head = "".join(f"|_. {_runs(cell)} " for cell in each.head) + "|"
            return "\n".join([head, *("".join(f"| {_runs(cell)} " for cell in row) + "|" for row in each.rows)])
        case Quote():
            return "\n>\n".join(f"> {_runs(each)}" for each in each.paragraphs)


def _runs(given: Runs) -> str:
    return "".join(_run(run) for run in given)


def _run(run: Run) -> str:
    match run:
        case str():
            return entities(visible(run))
        case Text():
            kept, remark = cut(run.text, run.limit)
            return entities(defang(kept)) + remark
        case Code():
            kept, remark = cut(run.text, run.limit)
            if _ACTS.search(kept) or "@" in kept or not kept:
                return f"“{_spaced(kept)}”{remark}"
            return f"<code>{kept}</code>{remark}"
        case Strong():
            return f"*{entities(visible(run.text))}*"
        case Emphasis():
            return f"_{entities(visible(run.text))}_"


def _spaced(text: str) -> str:
    """Spaces at the ends and next to each other are kept, and so is a line without anything."""
    return re.sub(r"^ | $|(?<= ) ", "&#160;", entities(text.replace("\t", "    ") or " "))


TEXTILE = Renderer("Textile of Redmine", write)
