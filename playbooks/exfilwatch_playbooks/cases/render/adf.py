"""Atlassian Document Format, the JSON of Jira Cloud's REST API v3: text nodes are text, whatever stands in them.

Source: developer.atlassian.com/cloud/jira/platform/apis/document/structure, and its JSON schema. A text node is never
empty; one with the mark `code` has no other mark; items of a task list have ids of their own.
"""

import json
from typing import TypeAlias

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
from exfilwatch_playbooks.cases.render.renderer import Renderer, language_of, lines_of
from exfilwatch_playbooks.hostile import cut, defang, visible

Node: TypeAlias = dict[str, object]


def write(document: Document) -> str:
    """The document as JSON text."""
    return json.dumps(nodes(document), ensure_ascii=False, separators=(",", ":"))


def nodes(document: Document) -> Node:
    """The document's root node."""
    content = [node for number, each in enumerate(document) for node in _block(each, number)]
    return {"version": 1, "type": "doc", "content": content}


def _block(each: Block, number: int) -> list[Node]:
    match each:
        case Heading():
            return [_node("heading", _runs(each.runs), level=each.level)]
        case Paragraph():
            return [_paragraph(each.runs)]
        case CodeBlock():
            shown, remark = lines_of(each)
            block = _node("codeBlock", [_text(shown)] if shown else [], language=language_of(each))
            return [block, _node("paragraph", [_text(remark)])] if remark else [block]
        case Items():
            items = [_node("listItem", [_paragraph(item)]) for item in each.items]
            return [_node("orderedList", items, order=each.start) if each.ordered else _node("bulletList", items)]
        case Checks():
            tasks = [
                _node("taskItem", _runs(item), localId=f"task-{number}-{at}", state="DONE" if done else "TODO")
                for at, (done, item) in enumerate(each.items)
            ]
            return [_node("taskList", tasks, localId=f"tasks-{number}")]
        case Table():
            head = _node("tableRow", [_node("tableHeader", [_paragraph(cell)]) for cell in each.head])
            rows = [_node("tableRow", [_node("tableCell", [_paragraph(cell)]) for cell in row]) for row in each.rows]
            return [_node("table", [head, *rows])]
        case Quote():
            return [_node("blockquote", [_paragraph(each) for each in each.paragraphs])]


def _node(kind: str, content: list[Node], **attributes: object) -> Node:
    node: Node = {"type": kind, "content": content}
    if attributes:
        node["attrs"] = attributes
    return node


def _paragraph(given: Runs) -> Node:
    return _node("paragraph", _runs(given))


def _runs(given: Runs) -> list[Node]:
    return [node for run in given for node in _run(run)]


def _run(run: Run) -> list[Node]:
    match run:
        case str():
            return _texts(visible(run))
        case Text():
            kept, remark = cut(run.text, run.limit)
            return _texts(defang(kept) + remark)
        case Code():
            kept, remark = cut(run.text, run.limit)
            return [_text(kept or " ", "code"), *_texts(remark)]
        case Strong():
            return [_text(visible(run.text), "strong")]
        case Emphasis():
            return [_text(visible(run.text), "em")]


def _texts(text: str) -> list[Node]:
    return [_text(text)] if text else []


def _text(text: str, mark: str = "") -> Node:
    return {"type": "text", "text": text, "marks": [{"type": mark}]} if mark else {"type": "text", "text": text}


ADF = Renderer("Atlassian Document Format", write, limit=32_000, note_limit=20_000)
"""Jira Cloud's fields hold 32,767 characters; how it counts a document's is not said; this counts all its JSON."""


def signed(text: str, *marks: str) -> Node:
    """What `write` gave, or any text, with marks (marks.py) as its last paragraphs."""
    try:
        root = json.loads(text)
    except ValueError:
        root = None
    if not isinstance(root, dict) or root.get("type") != "doc" or not isinstance(root.get("content"), list):
        root = nodes(tuple(Paragraph((each,)) for each in text.splitlines() if each.strip()))
    content = [*root["content"], *nodes(tuple(Paragraph((f"exfilwatch {mark}",)) for mark in marks))["content"]]  # type: ignore[misc]
    return {**root, "content": content}


def lines(node: object) -> str:
    """The text of a document as Jira gives it, a line for each paragraph."""
    if not isinstance(node, dict):
        return node if isinstance(node, str) else ""
    inner = node.get("content")
    if node.get("type") == "text":
        return str(node.get("text", ""))
    if not isinstance(inner, list):
        return "\n" if node.get("type") == "hardBreak" else ""
    whole = "".join(map(lines, inner))
    return f"{whole}\n" if node.get("type") in ("paragraph", "heading", "codeBlock") else whole
