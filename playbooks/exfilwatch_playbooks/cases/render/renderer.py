"""What a renderer is: a document in the markup of one case system, where nothing in it is anything but text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from exfilwatch_playbooks.cases.document import Code, CodeBlock, Document, Emphasis, Run, Runs, Strong, Text
from exfilwatch_playbooks.hostile import cut, defang, line, visible

_SHORT = 1_000
"""Characters of what is remembered."""
LANGUAGES = frozenset({"text", "powershell", "sh", "bash", "json", "yaml", "sql", "xml", "python"})
"""For colours. Other names may draw diagrams or fetch something (mermaid, plantuml, geojson)."""


@dataclass(frozen=True)
class Renderer:
    """`write` gives the text of a description or a note, `one_line` a line of plain text and its limit in characters.

    `limit`: how long a description may be there, in bytes of UTF-8; `note_limit`: a note; `title_limit`: a title, in
    characters.
    """

    name: str
    write: Callable[[Document], str]
    one_line: Callable[[str, int], str] = line
    limit: int = 60_000
    note_limit: int = 20_000
    title_limit: int = 250

    def title(self, text: str) -> str:
        """One line for a title."""
        shown = self.one_line(text, self.title_limit).strip()  # as most systems do to titles
        return shown if len(shown) <= self.title_limit else f"{shown[: self.title_limit - 1]}…"


@dataclass(frozen=True, eq=False)  # the same as itself only, so that it is soon looked up
class Inline:
    """How a markup writes what stands in a line. `escape` makes text of it that stays text; `code` writes code, as it
    was; `strong` and `emphasis` stand on both sides of our own words.
    """

    escape: Callable[[str], str]
    code: Callable[[str], str]
    strong: tuple[str, str] = ("", "")
    emphasis: tuple[str, str] = ("", "")

    def runs(self, given: Runs) -> str:
        """Runs next to each other."""
        return "".join(_short(self, run) if _length(run) < _SHORT else self.written(run) for run in given)

    def written(self, run: Run) -> str:
        """One of them."""
        match run:
            case str():
                return self.escape(visible(run))
            case Text():
                kept, remark = cut(run.text, run.limit)
                return self.escape(defang(kept)) + remark
            case Code():
                kept, remark = cut(run.text, run.limit)
                return self.code(kept) + remark
            case Strong() | Emphasis():
                before, after = self.strong if isinstance(run, Strong) else self.emphasis
                return f"{before}{self.escape(visible(run.text))}{after}"


@lru_cache(4096)
def _short(inline: Inline, run: Run) -> str:
    """What is written again and again, while a document is fitted to its room, and for each case."""
    return inline.written(run)


def _length(run: Run) -> int:
    return len(run if isinstance(run, str) else run.text)


def lines_of(block: CodeBlock) -> tuple[str, str]:
    """What a code block shows, without carriage returns, and what it says of the rest (or nothing)."""
    shown, remark = cut(block.text.replace("\r\n", "\n"), block.limit, keep="\n\t")
    return shown, remark.strip(" …")


def language_of(block: CodeBlock) -> str:
    """Its language, if it is one that only colours."""
    return block.language if block.language in LANGUAGES else "text"


def entities(text: str) -> str:
    """Each character but ASCII letters, digits, spaces and letters beyond ASCII as a decimal entity.

    Wiki markup, autolinks, issue keys and mentions are all made of other ASCII characters.
    """
    return re.sub(r"[!-/:-@\[-`{-~]", lambda found: f"&#{ord(found[0])};", text)
