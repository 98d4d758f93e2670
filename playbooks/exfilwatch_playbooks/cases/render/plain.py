"""Plain text, for people who read it as it stands: pagers, the text part of an e-mail, ServiceNow.

ServiceNow turns what stands between [code] and [/code] into HTML, also in plain fields: there, the bracket is spelled
out. Source: ServiceNow, "Add formatted text to journal fields" (glide.ui.security.allow_codetag).
"""

import re
from dataclasses import replace

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
from exfilwatch_playbooks.cases.render.renderer import Inline, Renderer, lines_of
from exfilwatch_playbooks.hostile import defang, line

_LINKED = re.compile(r"://|\bwww\.", re.IGNORECASE)
_TAG = re.compile(r"\[(?=/?\s*code)", re.IGNORECASE)


def write(document: Document) -> str:
    """The document with lines under its headings; blocks of code are indented by four spaces, and as they were."""
    return "\n\n".join(_block(each) for each in document)


def servicenow(document: Document) -> str:
    """The same, with no tag in it that ServiceNow reads."""
    return _TAG.sub(r"\\x5b", write(document))


def _servicenow_line(text: str, limit: int) -> str:
    return _TAG.sub(r"\\x5b", line(text, limit))


def _block(each: Block) -> str:
    match each:
        case Heading():
            text = _runs(each.runs)
            return f"{text}\n{('=' if each.level < 3 else '-') * min(len(text), 80)}"
        case Paragraph():
            return _runs(each.runs)
        case CodeBlock():
            shown, remark = lines_of(each)
            text = "\n".join(f"    {line}".rstrip(" ") if not line else f"    {line}" for line in shown.split("\n"))
            return f"{text}\n\n({remark.strip('()')})" if remark else text
        case Items():
            return "\n".join(
                f"{f'{number}.' if each.ordered else '-'} {_runs(item)}"
                for number, item in enumerate(each.items, each.start)
            )
        case Checks():
            return "\n".join(f"[{'x' if done else ' '}] {_runs(item)}" for done, item in each.items)
        case Table():
            return "\n".join(" | ".join(map(_runs, row)) for row in (each.head, *each.rows))
        case Quote():
            return "\n>\n".join(f"> {_runs(each)}" for each in each.paragraphs)


def _code(text: str) -> str:
    """Programs that show plain text make links of addresses, and nothing here could say that this is none."""
    return defang(text) if _LINKED.search(text) else text


_runs = Inline(str, _code).runs


PLAIN = Renderer("plain text", write)
SERVICENOW = replace(
    PLAIN,
    name="plain text of ServiceNow",
    write=servicenow,
    one_line=_servicenow_line,
    limit=3_900,
    note_limit=3_900,
    title_limit=160,
)
"""`description` holds 4,000 characters by default, `short_description` 160; what is longer is cut without a word."""
