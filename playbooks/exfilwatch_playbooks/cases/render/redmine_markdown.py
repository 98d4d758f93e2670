"""Markdown as Redmine reads it, whether by CommonMark or, until Redmine 5, by Redcarpet.

Redmine looks for links, wiki pages, issue numbers, people and macros in what Markdown has made, outside <code> and
<pre>; for macros and for who is mentioned it looks into the text as it was sent, and there code hides nothing. Someone
else's words stand therefore in code; where something in them acts even so, in <code> with each sign as an entity:
CommonMark reads both, and Redcarpet leaves out the tags and shows the entities. An @ is a piece of its own, or
CommonMark would make an e-mail address of it.
Source: application_helper.rb, acts/mentionable.rb and wiki_formatting/ of Redmine 5.0.
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
from exfilwatch_playbooks.cases.render import markdown
from exfilwatch_playbooks.cases.render.renderer import Renderer, entities, language_of, lines_of
from exfilwatch_playbooks.hostile import code, cut, defang, fence, visible

_ACTS = re.compile(r"@|\{\{|```|~~~")
_PLAIN = re.compile(r"(?!.*(?:^|[\s(,-])r\d)[^\W_][\w ,.()\\/-]*", re.DOTALL)
_OWN = re.compile(r"(\S*(?:@(?=\w)|#(?=\d)|://|www\.|\[\[|\{\{)\S*)")


def write(document: Document) -> str:
    """The document in Markdown that means to Redmine what it says, and no more."""
    return "\n\n".join(map(_block, document))


def _block(each: Block) -> str:
    match each:
        case Heading():
            return f"{'#' * each.level} {_runs(each.runs)}"
        case Paragraph():
            return _runs(each.runs).lstrip(" ")
        case CodeBlock():
            if not _ACTS.search(each.text):
                return fence(each.text, language_of(each), each.limit)
            shown, remark = lines_of(each)
            text = "  \n".join(map(_spelled, shown.split("\n")))
            return f"{text}\n\n{remark}" if remark else text
        case Items():
            return "\n".join(
                f"{f'{number}.' if each.ordered else '-'} {_runs(item)}"
                for number, item in enumerate(each.items, each.start)
            )
        case Checks():
            return "\n".join(f"- {'☑' if done else '☐'} {_runs(item)}" for done, item in each.items)
        case Table():
            return markdown.table(each, lambda cell: _runs(cell, in_table=True))
        case Quote():
            return "\n>\n".join(f"> {_runs(each)}" for each in each.paragraphs)


def _runs(given: Runs, *, in_table: bool = False) -> str:
    return "".join(_run(run, "|" if in_table else "\n") for run in given)


def _run(run: Run, ends: str) -> str:
    match run:
        case str():
            pieces = _OWN.split(run)
            return "".join(_spelled(piece) if at % 2 else entities(visible(piece)) for at, piece in enumerate(pieces))
        case Text():
            kept, remark = cut(run.text, run.limit)
            kept = defang(kept)
            return (entities(kept) if _PLAIN.fullmatch(kept) else _spelled(kept)) + remark
        case Code():
            if _ACTS.search(run.text) or ends in run.text or not run.text.strip(" "):
                kept, remark = cut(run.text, run.limit)
                return _spelled(kept) + remark
            return code(run.text, run.limit)
        case Strong():
            return f"**{entities(visible(run.text))}**"
        case Emphasis():
            return f"*{entities(visible(run.text))}*"


def _spelled(text: str) -> str:
    """As code with entities; spaces at the ends and next to each other are kept, and so is an empty line."""
    spelled = re.sub(r"^ | $|(?<= ) ", "&#160;", entities(text.replace("\t", "    ") or " "))
    return f"<code>{spelled.replace('&#64;', '</code><code>&#64;</code><code>')}</code>"


REDMINE_MARKDOWN = Renderer("Markdown of Redmine", write)
