"""Which parts of a command line or script say what it does: pure functions from a text to its pieces.

What a rule matched by its offset is marked there. Most rules ask for what a command line *does*, which has no offset:
there, the program, the files and the destination that were read out of it are marked where they stand. What hides the
meaning is marked in the text as it was logged, what came to light in the text as it was understood.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from exfilwatch.commands.fields import Fields
from exfilwatch.events.event import Value
from exfilwatch_playbooks.hostile import visible

MATCHED, PROGRAM, FILES, DESTINATION, HIDDEN, FOUND = "matched", "program", "files", "destination", "hidden", "found"
KINDS = {
    MATCHED: "matched by a rule",
    PROGRAM: "program that acts",
    FILES: "files it takes",
    DESTINATION: "where it sends to",
    HIDDEN: "hides what it does",
    FOUND: "came to light",
}
"""Each kind of mark, in words for a legend."""
Get = Callable[[str], Value]
_OCCURRENCES = 20
_LONGEST = 500  # characters of a value that is looked for
_WORD = re.compile(r"\S+")
_PADDING = re.compile(r"[ \t]{20,}")
_DISGUISE = re.compile(r"""[\^`'"+%$\\{}\[\]?*]|&(?:#\w+|[a-z]+);|[^\x00-\x7f]""")
_BLOB = re.compile(r"[A-Za-z0-9+/_=-]{16,}")
_NAMED = re.compile(r"[a-z]{3,}(?:-[a-z]{2,})*", re.IGNORECASE)
_ENDS = ";,.)}\\"
_TRIM = "\"'`()[]{};,|&"


@dataclass(frozen=True)
class Span:
    """`text[start:end]` is of a kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is shown in one way; `kinds` in the order of KINDS."""

    text: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marked:
    """Pieces that make up a text, and how many characters before and after them are left out."""

    pieces: tuple[Piece, ...]
    before: int = 0
    after: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that occur."""
        seen = {kind for piece in self.pieces for kind in piece.kinds}
        return tuple(kind for kind in KINDS if kind in seen)


def acts(text: str, fields: Fields) -> Iterator[Span]:
    """Where the program, the files and the destination that `fields` name stand in `text`."""
    for names, kind in (
        (("transfer.tool", "archive.tool", "collect.tool"), PROGRAM),
        (("transfer.source_path", "archive.source_path", "collect.source_path", "archive.path"), FILES),
        (("transfer.destination", "remote.destination"), DESTINATION),
    ):
        for value in dict.fromkeys(value for name in names for value in values(fields.get(name))):
            yield from _occurrences(text, value, kind)


def hidden(text: str, fields: Fields) -> Iterator[Span]:
    """The words of a text as it was logged in which something hides that was undone."""
    undone = values(fields.get("command.undone"))
    if not undone:
        return
    plain = "\n".join(values(fields.get("command.plain"))).lower()
    for word in _WORD.finditer(text):
        bare = word[0].strip(_TRIM)
        start = word.start() + word[0].find(bare) if bare else word.start()
        is_blob = _BLOB.fullmatch(bare) and not _NAMED.fullmatch(bare) and _encoded(undone)
        is_disguised = len(bare) > 1 and _DISGUISE.search(bare) and bare.lower() not in plain
        if is_blob or is_disguised:
            yield Span(start, start + len(bare), HIDDEN)
    if "padding" in undone:
        yield from (Span(found.start(), found.end(), HIDDEN) for found in _PADDING.finditer(text))


def _encoded(undone: Sequence[str]) -> bool:
    return any(word in step for step in undone for word in ("encoded", "base64", "gzip", "hex"))


def found(plain: str, text: str) -> Iterator[Span]:
    """The words of a plain text that the text as it was logged does not show."""
    shown = text.lower()
    for word in _WORD.finditer(plain):
        bare = word[0].strip(_TRIM)
        if len(bare) > 1 and bare.lower() not in shown:
            start = word.start() + word[0].find(bare)
            yield Span(start, start + len(bare), FOUND)


def marked(text: str, spans: Iterable[Span], limit: int) -> Marked:
    """At most `limit` characters of `text`, around what is marked first, cut into pieces."""
    known = sorted((span for span in spans if 0 <= span.start < span.end <= len(text)), key=lambda span: span.start)
    begin, end = _window(text, known, limit)
    inside = [span for span in known if span.start < end and span.end > begin]
    cuts = sorted({begin, end, *(place for span in inside for place in (span.start, span.end) if begin < place < end)})
    order = list(KINDS)
    pieces: list[Piece] = []
    for start, stop in pairwise(cuts):
        kinds = {span.kind for span in inside if span.start <= start < span.end}
        piece = Piece(text[start:stop], tuple(sorted(kinds, key=order.index)))
        if pieces and pieces[-1].kinds == piece.kinds:
            piece = Piece(pieces.pop().text + piece.text, piece.kinds)
        pieces.append(piece)
    return Marked(tuple(pieces), begin, len(text) - end)


def _window(text: str, spans: Sequence[Span], limit: int) -> tuple[int, int]:
    """So much of the text that it is shown within the limit, with what is marked first in it."""
    begin = 0
    if len(text) > limit and spans and spans[0].start > limit // 4:
        begin = min(spans[0].start - limit // 4, len(text) - limit)
    end = min(len(text), begin + limit)
    while end > begin and len(visible(text[begin:end], keep="\n\t")) > limit:
        end = begin + (end - begin) // 2
    return begin, end


def _occurrences(text: str, value: str, kind: str) -> Iterator[Span]:
    if not 1 < len(value) <= _LONGEST:
        return
    wanted = re.escape(value)
    if kind == PROGRAM:
        wanted += r"(?:\.exe)?"
    elif kind == DESTINATION:
        wanted = (
            r"(?:[a-z][a-z0-9+.-]{0,15}://)?(?:[^\s/@'\"=]{1,60}@)?"
            + wanted
            + r"(?::\d{1,5})?(?:[/:][^\s'\"<>|)]{0,500})?"
        )
    expression = re.compile(rf"(?<![\w-]){wanted}(?![\w-])", re.IGNORECASE)
    for number, match in enumerate(expression.finditer(text)):
        if number == _OCCURRENCES:
            return
        yield Span(match.start(), match.start() + len(match[0].rstrip(_ENDS) or match[0]), kind)


def values(value: object) -> list[str]:
    """One value or several of a field, as texts."""
    if isinstance(value, list):
        return [str(each) for each in value if each is not None]
    return [] if value is None else [str(value)]
