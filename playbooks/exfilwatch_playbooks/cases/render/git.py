"""Markdown of GitHub and GitLab, where words act: @mentions, #issues, !merge requests, ~labels, commits, /commands.

They look for such words in what Markdown has made, so that neither a backslash nor an entity stops them; only code
does. Someone else's words therefore stand as code unless they are plain. Titles have no code: there, a bracket is put
around the character that acts.
"""

import re

from exfilwatch_playbooks.cases.document import (
    Block,
    Checks,
    Code,
    Document,
    Heading,
    Items,
    Paragraph,
    Quote,
    Run,
    Runs,
    Table,
    Text,
)
from exfilwatch_playbooks.cases.render import markdown
from exfilwatch_playbooks.cases.render.renderer import Renderer
from exfilwatch_playbooks.hostile import line

# Letters, digits and what no reference, autolink or command is made of; no number of a commit, no GH-1, no KEY-1.
_PLAIN = re.compile(r"(?!.*[0-9a-f]{7})(?!.*\w-\d)(?!.*[-]{2})[^\W_](?:[\w ,()-]*[\w)])?", re.IGNORECASE | re.DOTALL)
_ACTS = re.compile(r"[@#!~%$&^*](?=[\w\"'-])|\[(?=\w+:)|:(?=[\w+-]+:)|(?<=GH)-(?=\d)|(?<=[A-Z0-9_]{2})-(?=\d)")
_OWN = re.compile(r"(\S*(?:[@~](?=\w)|[#!$&%](?=[\d\"])|://|www\.)\S*)")


def write(document: Document) -> str:
    """The document in Markdown that nobody is notified of."""
    return markdown.write(tuple(_block(each) for each in document))


def one_line(text: str, limit: int) -> str:
    """One line in which nothing is a reference."""
    return _ACTS.sub(lambda found: f"[{found[0]}]", line(text, limit))


def _block(each: Block) -> Block:
    match each:
        case Heading():
            return Heading(each.level, _runs(each.runs))
        case Paragraph():
            return Paragraph(_runs(each.runs))
        case Items():
            return Items(tuple(map(_runs, each.items)), each.ordered, each.start)
        case Checks():
            return Checks(tuple((done, _runs(item)) for done, item in each.items))
        case Table():
            return Table(tuple(map(_runs, each.head)), tuple(tuple(map(_cell, row)) for row in each.rows))
        case Quote():
            return Quote(tuple(map(_runs, each.paragraphs)))
    return each


def _runs(given: Runs) -> Runs:
    return tuple(written for run in given for written in _written(run))


def _written(run: Run) -> Runs:
    if isinstance(run, Text):
        return (run if _PLAIN.fullmatch(run.text) else Code(run.text, run.limit),)
    if isinstance(run, str):
        pieces = _OWN.split(run)
        return tuple(Code(piece, 500) if at % 2 else piece for at, piece in enumerate(pieces) if piece)
    return (run,)


def _cell(given: Runs) -> Runs:
    """As code too, which can't hold a pipe in a table: it is written as the letter that looks like it."""
    return tuple(Code(run.text.replace("|", "¦"), run.limit) if isinstance(run, Code) else run for run in _runs(given))


GIT = Renderer("Markdown of GitHub and GitLab", write, one_line)
