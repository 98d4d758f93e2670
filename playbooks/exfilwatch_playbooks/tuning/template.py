"""What several texts have in common, as a Sigma value with wildcards."""

import re
from collections.abc import Sequence
from itertools import takewhile

_VOLATILE = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|\b[0-9a-fA-F]{16,}\b|[0-9]{4,}(?:[-_:T.][0-9]+)*"
)
_ANY = "\0"
"""Stands for a wildcard until the text is written in Sigma; no record has it in a command line."""
ENOUGH = 8
"""Characters other than blanks that a template must hold, to say anything."""


def template(texts: Sequence[str]) -> str:
    """The Sigma value that all of the texts fit, as narrow as words tell; empty when they have too little in common.

    Of a single text, numbers, times, GUIDs and hashes are left open: the next one has others.
    """
    words = [re.split(r"( +)", text.replace(_ANY, "")) for text in dict.fromkeys(texts)]
    if len(words) == 1:
        made = _VOLATILE.sub(_ANY, "".join(words[0]))
    elif len({len(each) for each in words}) == 1:
        made = "".join(map(_common, zip(*words, strict=True)))
    else:
        made = _common(["".join(each) for each in words])
    kept = made.replace(_ANY, "").replace(" ", "")
    return escaped(made) if len(kept) >= ENOUGH else ""


def escaped(text: str) -> str:
    """The text as a Sigma value that fits only it."""
    # A backslash is a character, but for those before a wildcard, another backslash, or what comes to stand after it.
    return "*".join(re.sub(r"\\(?=[\\*?]|\Z)|[*?]", r"\\\g<0>", part) for part in text.split(_ANY))


def _common(texts: Sequence[str]) -> str:
    """The common beginning and end, with whatever between."""
    if len(set(texts)) == 1:
        return texts[0]
    start = "".join(each[0] for each in takewhile(lambda each: len(set(each)) == 1, zip(*texts, strict=False)))
    rest = [text[len(start) :][::-1] for text in texts]
    end = "".join(each[0] for each in takewhile(lambda each: len(set(each)) == 1, zip(*rest, strict=False)))[::-1]
    return f"{start}{_ANY}{end}"
