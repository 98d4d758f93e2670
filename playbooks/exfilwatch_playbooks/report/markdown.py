"""Our Markdown as HTML: sentences, steps and guides are written in it, with hostile text escaped for it.

No HTML, link or image of it comes through: whatever stands in it, the page gets headings, lists, emphasis and code.
"""

from functools import cache
from typing import TYPE_CHECKING

from exfilwatch_playbooks.hostile import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def blocks(text: str) -> str:
    """Paragraphs, lists, code."""
    return str(_reader().render(visible(text, keep="\n\t")))


@cache
def _reader() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False})
    return reader.disable(
        ["link", "image", "autolink", "html_inline", "html_block", "reference", "heading", "lheading"]
    )
