"""What rule authors and the response steps write in Markdown, as blocks: no headings, images, HTML or links from it.

A heading becomes a strong line, a link its text and its address, an image its text, HTML itself; nested lists become
flat. Code stands as it was.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from exfilwatch_playbooks.cases.document import (
    Block,
    Code,
    CodeBlock,
    Document,
    Emphasis,
    Items,
    Paragraph,
    Quote,
    Run,
    Runs,
    Strong,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LONGEST = 1_000_000  # characters of code: the author's text as a whole has a limit of its own


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # of which cases alone have need

    return MarkdownIt("commonmark")


def blocks(markdown: str) -> Document:
    """The blocks of a text of several paragraphs."""
    return tuple(_blocks(_parser().parse(markdown)))


def runs(markdown: str) -> Runs:
    """The runs of one line."""
    return tuple(run for token in _parser().parseInline(markdown) for run in _runs(token.children or ()))


def _blocks(tokens: Sequence["Token"]) -> Iterator[Block]:
    items: list[Runs] = []
    within: list[Token] = []  # lists, headings and quotations that are open
    for token in tokens:
        match token.type:
            case "bullet_list_open" | "ordered_list_open" | "heading_open" | "blockquote_open":
                within.append(token)
            case "bullet_list_close" | "ordered_list_close" | "heading_close" | "blockquote_close":
                if items and (len(within) == 1 or within[-2].type != within[-1].type):
                    yield _items(items, within[-1])
                    items = []
                within.pop()
            case "inline":
                found = tuple(_runs(token.children or ()))
                lists = [each for each in within if each.type.endswith("list_open")]
                if lists:
                    items.append(found)
                elif within and within[-1].type == "heading_open":
                    yield Paragraph(tuple(Strong(run) if isinstance(run, str) else run for run in found))
                elif within:
                    yield Quote((found,))
                else:
                    yield Paragraph(found)
            case "fence" | "code_block":
                if items:
                    yield _items(items, within[-1])
                    items = []
                language = token.info.split()[0] if token.info.split() else "text"
                yield CodeBlock(token.content.removesuffix("\n"), language, _LONGEST)
            case "html_block":
                yield Paragraph((" ".join(token.content.split()),))


def _items(items: list[Runs], opened: "Token") -> Items:
    ordered = opened.type == "ordered_list_open"
    return Items(tuple(items), ordered=ordered, start=int(opened.attrGet("start") or 1) if ordered else 1)


def _runs(tokens: Sequence["Token"]) -> Iterator[Run]:
    strong: list[str] = []
    addresses: list[str] = []
    for token in tokens:
        match token.type:
            case "strong_open" | "em_open":
                strong.append(token.type)
            case "strong_close" | "em_close":
                strong.pop()
            case "code_inline":
                yield Code(token.content, _LONGEST)
            case "softbreak" | "hardbreak":
                yield " "
            case "image":
                yield token.content
            case "link_open":
                addresses.append(str(token.attrGet("href") or ""))
            case "link_close":
                yield f" ({addresses.pop()})"
            case _ if token.content:
                match strong[-1:]:
                    case ["strong_open"]:
                        yield Strong(token.content)
                    case ["em_open"]:
                        yield Emphasis(token.content)
                    case _:
                        yield token.content
