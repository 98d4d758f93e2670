"""Texts with placeholders, filled in with what findings say: sentences for people, commands for a shell."""

import re
import shlex
import string
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch_playbooks.hostile import cut, visible
from exfilwatch_playbooks.response.facts import Facts

Platform = Literal["windows", "linux", "macos"]
SHOWN = 3

# The placeholders, and what stands for one whose value no event gives.
UNKNOWN = {
    "host": "the host",
    "user": "the user",
    "account": "the account",
    "domain_account": "the domain's account",
    "local_account": "the host's account",
    "program": "the program",
    "image": "the program's file",
    "image_path": "the program's file",
    "process_id": "the process id",
    "destination": "the destination",
    "destination_ip": "the destination's address",
    "destination_name": "the destination's name",
    "port": "the port",
    "file": "the file",
    "archive": "the archive",
    "archive_path": "the archive",
    "source": "the files that were sent",
    "source_path": "the file that was sent",
    "task": "the task",
    "tool": "the tool",
    "share": "the share",
}
_ASIDE = re.compile(r" \(\{(\w+)\}\)")
_LONGEST = 500  # characters of a value in a command
_CUT = 120  # characters of a value in a sentence
_DOUBLED = {ord(quote): 2 * quote for quote in "'\u2018\u2019\u201a\u201b"}


class Piece(BaseModel):
    """A part of a sentence: our words, or a `value` that an event gave, which is hostile text.

    A value is cut, and what hides in it spelled out; it still has to be escaped for where it goes.
    """

    model_config = ConfigDict(frozen=True)
    text: Annotated[str, Field(min_length=1)]
    value: bool = False


def known(template: str) -> str:
    """The template, if all its placeholders are; else ValueError."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    if unknown := sorted(names - set(UNKNOWN)):
        raise ValueError(f"unknown placeholder {', '.join(unknown)}: use one of {', '.join(sorted(UNKNOWN))}")
    return template


def placeholders(template: str) -> list[str]:
    return [name for _, name in _parts(template) if name]


@cache
def _parts(template: str) -> tuple[tuple[str, str | None], ...]:
    """Each text with the placeholder after it. Templates are ours, and few."""
    return tuple((text, name) for text, name, _, _ in string.Formatter().parse(template))


def values(name: str, facts: Iterable[Facts]) -> list[str]:
    """What the facts say under a placeholder's name, each value once."""
    found = (each.destinations if name == "destination" else (getattr(each, name),) for each in facts)
    return list(dict.fromkeys(value for several in found for value in several if value))


def sentence(template: str, facts: Sequence[Facts], shown: int = SHOWN) -> tuple[Piece, ...]:
    """The template with at most `shown` values for each placeholder; 0 leaves the findings out. What stands in brackets
    and isn't known is left out."""
    pieces: list[Piece] = []
    for text, name in _parts(_ASIDE.sub(lambda aside: aside[0] if values(aside[1], facts) else "", template)):
        pieces += [Piece(text=text)] if text else []
        pieces += _said(name, facts, shown) if name else []
    return _joined(pieces)


def plain(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _said(name: str, facts: Sequence[Facts], shown: int) -> list[Piece]:
    found = values(name, facts)
    if not shown or not found:
        return [Piece(text=f"{UNKNOWN[name]} (unknown)" if shown else UNKNOWN[name])]
    pieces: list[Piece] = []
    for number, value in enumerate(found[:shown]):
        text, remark = cut(value, _CUT)
        pieces += [Piece(text=", ")] if number else []
        pieces.append(Piece(text=text, value=True))
        pieces += [Piece(text=remark)] if remark else []
    return pieces + ([Piece(text=f" and {len(found) - shown} more")] if len(found) > shown else [])


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    made: list[Piece] = []
    for piece in pieces:
        if made and not (made[-1].value or piece.value):
            made[-1] = Piece(text=made[-1].text + piece.text)
        else:
            made.append(piece)
    return tuple(made)


def commands(templates: Iterable[str], platform: Platform, facts: Sequence[Facts], shown: int = SHOWN) -> list[str]:
    """Each command once for each set of values, left out where a value is missing or can't be pasted safely."""
    quote = powershell if platform == "windows" else shlex.quote
    made: dict[str, None] = {}
    for template in templates:
        names = placeholders(template)
        filled: dict[str, None] = {}
        for each in facts:
            if len(filled) >= shown:
                break
            given = {name: getattr(each, name) for name in names}
            if each.product in (platform, "") and all(_pasteable(value) for value in given.values()):
                filled[_replaced(template, _quoted(given, quote))] = None
        made.update(filled)
    return list(made)


def _quoted(given: dict[str, str], quote: Callable[[str], str]) -> Callable[[str], str]:
    return lambda name: quote(given[name])


def _pasteable(value: str | None) -> bool:
    return bool(value) and len(value or "") <= _LONGEST and visible(value or "") == value


def _replaced(template: str, value: Callable[[str], str]) -> str:
    return "".join(text + (value(name) if name else "") for text, name in _parts(template))


def powershell(text: str) -> str:
    """A PowerShell literal. PowerShell takes typographic single quotes for quotes too, so those are doubled as well
    (about_Quoting_Rules; IsSingleQuote in its tokenizer). Numbers that it reads as they stand need no quotes."""
    if re.fullmatch(r"0|[1-9][0-9]{0,9}", text, re.ASCII):
        return text
    return f"'{text.translate(_DOUBLED)}'"
