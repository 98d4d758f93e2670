"""Scripts of PowerShell, read into the commands that they run.

By about_Parsing, about_Quoting_Rules, about_Operators, about_Operator_Precedence, about_Variables, about_Splatting and
about_Redirection. What is built of known parts is put together; what is not known stays as written. Loops, conditions
and functions are read once, as if all of them ran.
"""

import re

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.powershell import lexicon, statements
from exfilwatch.commands.shells.powershell.reader import Reader, TooMuch

_SEPARATORS = re.compile(r"[;|\n{}()]+")
_MOST_ROUGHLY = 200
_COMMENT = re.compile(r"""('[^']*+'|"(?:[^"`]++|`.)*+"|`.)|<#(?:[^#]++|#(?!>))*+(?:#>)?""", re.DOTALL)
"""A block comment, or (group 1) what is none."""


def commands(script: str, undoing: Undoing) -> list[Command]:
    """What a script runs, in the order in which it stands: cmdlets and programs, and calls of methods. Never raises.

    The words of a call of a method are empty: its `raw` says what it does, with the known values put in. A script that
    is built and then run (`iex`, `&`, `.Invoke()`) comes after the one that builds it.
    """
    found: list[Command] = []
    waiting = [(undoing.within(script), undoing)]
    while waiting:
        text, within = waiting.pop(0)
        if not text.isascii():
            text = text.translate(lexicon.TYPOGRAPHIC)
        if "<#" in text and "@'" not in text and '@"' not in text:
            text = _COMMENT.sub(lambda found: found[1] or " ", text)
        reader = Reader(within.within(text) if found else text, within)
        try:
            statements.statements(reader, "")
        except (TooMuch, RecursionError):
            reader.found += _roughly(text[reader.at :])
        found += reader.found
        waiting = reader.pending + waiting
    return found


def _roughly(script: str) -> list[Command]:
    """Commands told only by separators, where a script can't be read."""
    pieces = [piece.strip() for piece in _SEPARATORS.split(script)]
    return [Command(piece.split(), piece) for piece in pieces if piece][:_MOST_ROUGHLY]
