"""Scripts that are longer than what is read at once, in pieces."""

from collections.abc import Iterator

_PIECE = 12_000
"""Characters of a long script that are read together: of many commands in one text only the first are kept."""
_OVERLAP = 2_000
"""Characters of a long script that two pieces share, so that no call is cut by both."""


def pieces(script: str) -> Iterator[str]:
    """Pieces of a script that end with lines, as far as these are short, each beginning with the end of the last."""
    start = 0
    while len(script) - start > _PIECE:
        end = script.rfind("\n", start + _PIECE // 2, start + _PIECE) + 1 or start + _PIECE
        yield script[start:end]
        again = script.find("\n", end - _OVERLAP, end) + 1
        start = again if again and again < end else end - _OVERLAP
    yield script[start:]
