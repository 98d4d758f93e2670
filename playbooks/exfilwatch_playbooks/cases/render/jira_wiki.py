"""Jira's wiki markup (Data Center): no macro, link, image, mention, emoticon or issue key comes out of text.

Jira leaves numeric entities as they are and shows the character, so everything that markup is made of is written so.
Lines of code stand in {noformat}, which nothing but itself can end; where a text holds it or another macro that Jira
takes for one there, each line stands in {{braces}} instead.
Source: Jira, Text Formatting Notation Help (Advanced Formatting); HtmlEscaper of atlassian-renderer.
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

_MACRO = re.compile(r"\{[\s\\]*/?(noformat|code|quote|panel|color|html|anchor)|\\\{", re.IGNORECASE)


def write(document: Document) -> str:
    """The document in wiki markup."""
    return "\n\n".join(_block(each) for each in document)


def _block(each: Block) -> str:
    match each:
        case Heading():
            return f"h{each.level}. {_runs(each.runs)}"
        case Paragraph():
            return _runs(each.runs)
        case CodeBlock():
            return _lines(each)
        case Items():
            return "\n".join(f"{'#' if each.ordered else '*'} {_runs(item)}" for item in each.items)
        case Checks():
            return "\n".join(f"* {'(/)' if done else '☐'} {_runs(item)}" for done, item in each.items)
        case Table():
            head = "".join(f"||{_runs(cell) or ' '}" for cell in each.head) + "||"
            return "\n".join([head, *("".join(f"|{_runs(cell) or ' '}" for cell in row) + "|" for row in each.rows)])
        case Quote():
            return "{quote}\n" + "\n\n".join(map(_runs, each.paragraphs)) + "\n{quote}"


def _lines(block: CodeBlock) -> str:
    shown, remark = lines_of(block)
    if _MACRO.search(shown):
        text = "\n".join(f"{{{{{_spaced(each)}}}}}" if each.strip() else "" for each in shown.split("\n"))
    else:
        text = f"{{noformat}}\n{shown}\n{{noformat}}"
    return f"{text}\n\n{remark}" if remark else text


def _code(text: str) -> str:
    return f"{{{{{_spaced(text)}}}}}"


_runs = Inline(entities, _code, ("*", "*"), ("_", "_")).runs


def _spaced(text: str) -> str:
    """Spaces at the ends and next to each other are kept."""
    shown = entities(text).replace("\t", "&#9;") or " "
    return re.sub(r"^ | $|(?<= ) ", "&#160;", shown)


JIRA_WIKI = Renderer("Jira's wiki markup", write, limit=32_000, note_limit=20_000)
"""Jira's `jira.text.field.character.limit` is 32,767 by default."""
