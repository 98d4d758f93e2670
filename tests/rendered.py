"""Markdown as two renderers show it: CommonMark with GitHub's tables and strike-through, and the classic one."""

from collections import Counter
from html.parser import HTMLParser

import markdown
from markdown_it import MarkdownIt

_COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Page(HTMLParser):
    """What a reader gets: which tags there are, the text of each, in order, and the pieces of text outside of code."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.texts: dict[str, list[str]] = {}
        self.outside: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data
        if "code" not in self._open:
            self.outside.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags["comment"] += 1

    def handle_decl(self, decl: str) -> None:
        self.tags["declaration"] += 1

    def handle_pi(self, data: str) -> None:
        self.tags["instruction"] += 1


def commonmark(text: str) -> Page:
    return Page(_COMMONMARK.render(text))


def classic(text: str) -> Page:
    return Page(markdown.markdown(text, extensions=["tables", "fenced_code"]))


RENDERERS = [commonmark, classic]
