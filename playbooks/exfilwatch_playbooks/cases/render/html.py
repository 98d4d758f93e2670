"""HTML for what shows it: Request Tracker, e-mail, ServiceNow. No attribute, link, image or style, only elements."""

from html import escape

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


def write(document: Document) -> str:
    """The document as a piece of HTML, without <html> and <body>."""
    return "\n".join(_block(each) for each in document)


def _block(each: Block) -> str:
    match each:
        case Heading():
            return f"<h{each.level}>{_runs(each.runs)}</h{each.level}>"
        case Paragraph():
            return f"<p>{_runs(each.runs)}</p>"
        case CodeBlock():
            shown, remark = lines_of(each)
            # A line feed right after <pre> is not shown: this one is for that.
            text = f"<pre>\n{escape(shown)}</pre>"
            return f"{text}\n<p>{remark}</p>" if remark else text
        case Items():
            tag = "ol" if each.ordered else "ul"
            start = f' start="{each.start}"' if each.ordered and each.start != 1 else ""
            return f"<{tag}{start}>{''.join(f'<li>{_runs(item)}</li>' for item in each.items)}</{tag}>"
        case Checks():
            items = "".join(f"<li>{'☑' if done else '☐'} {_runs(item)}</li>" for done, item in each.items)
            return f"<ul>{items}</ul>"
        case Table():
            head = "".join(f"<th>{_runs(cell)}</th>" for cell in each.head)
            rows = "".join(f"<tr>{''.join(f'<td>{_runs(cell)}</td>' for cell in row)}</tr>" for row in each.rows)
            return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        case Quote():
            return f"<blockquote>{''.join(f'<p>{_runs(each)}</p>' for each in each.paragraphs)}</blockquote>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


_runs = Inline(escape, _code, ("<strong>", "</strong>"), ("<em>", "</em>")).runs


HTML = Renderer("HTML", write)
