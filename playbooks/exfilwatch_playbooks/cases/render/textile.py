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
    CodeBlock,
    Document,
    Heading,
    Items,
    Paragraph,
    Quote,
    Table,
)
from exfilwatch_playbooks.cases.render.renderer import Inline, Renderer, entities, lines_of

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


def _code(text: str) -> str:
    if _ACTS.search(text) or "@" in text or not text:
        return f"“{_spaced(text)}”"
    return f"<code>{text}</code>"


_runs = Inline(entities, _code, ("*", "*"), ("_", "_")).runs


def _spaced(text: str) -> str:
    """Spaces at the ends and next to each other are kept, and so is a line without anything."""
    return re.sub(r"^ | $|(?<= ) ", "&#160;", entities(text.replace("\t", "    ") or " "))


TEXTILE = Renderer("Textile of Redmine", write)
