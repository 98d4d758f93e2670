"""Keywords: words that a rule looks for anywhere in an event, of which a screen sees but few members.

So they are looked for in the lines as they stand, in all of a block at once. Where one may stand in a line, the line is
decoded in full, whatever screens say; in all others no keyword does.
"""

import re
from collections.abc import Iterable, Iterator

import re2

from exfilwatch.detection.condition import All, Any, Keyword, Node, Not, Selection
from exfilwatch.detection.values import Text
from exfilwatch.events.blocks import Block

_WORD = re.compile(r"[a-z0-9!#$%()*,.:;?@\[\]^_{|}~-]{3,}")
_HIDDEN = (
    r"(?i:\\u00(?:2[013-589acde]|3[0-9abf]|4[0-9a-f]|5[0-9abdef]|6[0-9a-f]|7[0-9a-e])|\\u212a|\\u0130)"
    r"|\xe2\x84\xaa|\xc4\xb0|&#"
)
"""Letters, digits and marks that are written otherwise in JSON or XML, which nobody does but who hides them; and what
lower-casing makes a letter of ASCII."""


def word_of(keyword: Keyword) -> str | None:
    """A text, lower-case, that stands in a line wherever the keyword is found; None when there is none to be told."""
    if not isinstance(keyword.test, Text):
        return None
    parts = [part.lower() for part in keyword.test.parts if isinstance(part, str)]
    words = [word for part in parts for word in _WORD.findall(part) if any(map(str.isalpha, word))]
    return max(words, key=len, default=None)


def keywords(node: Node) -> Iterator[Keyword]:
    """The keywords of a condition."""
    match node:
        case Keyword():
            yield node
        case Not(part) | Selection(_, part):
            yield from keywords(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from keywords(part)


def words_of(nodes: Iterable[Node]) -> list[str]:
    """The words of the keywords in conditions."""
    found = (word_of(each) for node in nodes for each in keywords(node))
    return list(dict.fromkeys(filter(None, found)))


class Spoken:
    """The lines in which one of some words may stand."""

    def __init__(self, words: Iterable[str]) -> None:
        chosen = re2.Options()
        chosen.log_errors = False
        chosen.encoding = re2.Options.Encoding.LATIN1
        self._set = re2.Set.SearchSet(chosen)
        self._set.Add(f"(?i:{'|'.join(map(re2.escape, words))})|{_HIDDEN}".encode("latin-1"))
        self._set.Compile()

    def lines(self, block: Block) -> list[int]:
        """Their positions in a block."""
        if not self._set.Match(block.load()):
            return []
        lines = (line.encode() if isinstance(line, str) else line for line in block.lines())
        return [at for at, line in enumerate(lines) if self._set.Match(line)]
