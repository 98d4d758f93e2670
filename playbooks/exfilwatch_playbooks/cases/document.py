"""What is written into a case, before it is known in which markup: a small tree of blocks and runs.

Text is kept as it was, hostile or not; a renderer (render/) writes it so that it stays text where it goes. A plain str
among the runs is our own words or a rule author's: escaped, but not defanged or cut. `limit` counts characters as
shown (hostile.cut); what is longer is cut with a remark, and `whole` has it for an attachment.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from exfilwatch_playbooks.hostile import cut


@dataclass(frozen=True)
class Text:
    """Someone else's words in a sentence: what hides is spelled out, addresses are defanged."""

    text: str
    limit: int = 200


@dataclass(frozen=True)
class Code:
    """Someone else's words as they were, in a sentence: a path, a host, a part of a command."""

    text: str
    limit: int = 200


@dataclass(frozen=True)
class Strong:
    """Our own words, strong."""

    text: str


@dataclass(frozen=True)
class Emphasis:
    """Our own words, less loud than the rest."""

    text: str


Run: TypeAlias = str | Text | Code | Strong | Emphasis
Runs: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True)
class Heading:
    """A title of the second or third level; the first is the case's own."""

    level: int
    runs: Runs


@dataclass(frozen=True)
class Paragraph:
    runs: Runs


@dataclass(frozen=True)
class CodeBlock:
    """Lines as they were; line feeds and tabs stay. `language` is for colours only."""

    text: str
    language: str = "text"
    limit: int = 2000


@dataclass(frozen=True)
class Items:
    """A list; an ordered one counts from `start`."""

    items: tuple[Runs, ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True)
class Checks:
    """A list to tick off; each with whether it is done."""

    items: tuple[tuple[bool, Runs], ...]


@dataclass(frozen=True)
class Table:
    """`head` has a title for each column, each row as many cells."""

    head: tuple[Runs, ...]
    rows: tuple[tuple[Runs, ...], ...]


@dataclass(frozen=True)
class Quote:
    """Someone's words, a paragraph for each."""

    paragraphs: tuple[Runs, ...]


Block: TypeAlias = Heading | Paragraph | CodeBlock | Items | Checks | Table | Quote
Document: TypeAlias = tuple[Block, ...]


def said(*runs: Run) -> Paragraph:
    """A paragraph of these, without those that are empty."""
    return Paragraph(tuple(run for run in runs if run != ""))


def listed(runs: Iterable[Run]) -> Runs:
    """`a`, `b` and `c`."""
    pieces = list(runs)
    joined: list[Run] = []
    for number, piece in enumerate(pieces):
        if number:
            joined.append(" and " if number == len(pieces) - 1 else ", ")
        joined.append(piece)
    return tuple(joined)


def whole(document: Document) -> tuple[str, ...]:
    """Each text of a code block or a code span that is cut where it stands, whole, once."""
    cuts = (
        each.text
        for each in _code(document)
        if len(each.text) > each.limit // 10 and cut(each.text, each.limit, keep="\n\t")[1]
    )
    return tuple(dict.fromkeys(cuts))


def _code(document: Document) -> Iterator[Code | CodeBlock]:
    for block in document:
        if isinstance(block, CodeBlock):
            yield block
        else:
            yield from (run for runs in _runs(block) for run in runs if isinstance(run, Code))


def _runs(block: Block) -> Iterator[Runs]:
    match block:
        case Heading() | Paragraph():
            yield block.runs
        case Items():
            yield from block.items
        case Checks():
            yield from (runs for _, runs in block.items)
        case Table():
            yield from block.head
            for row in block.rows:
                yield from row
        case Quote():
            yield from block.paragraphs
        case CodeBlock():
            return


Render: TypeAlias = Callable[[Document], str]
