"""Whether what a site says is sound (commands/site.py), and whether its cases hold."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from exfilwatch.commands import destinations, sensitive, site, tool
from exfilwatch.commands.fields import fields
from exfilwatch.commands.named import FIELDS, PROGRAM
from exfilwatch.errors import ConfigError

_RECORD = ("Image", "CommandLine", "OriginalFileName", "ScriptBlockText", "CurrentDirectory")


class Outcome(msgspec.Struct, frozen=True):
    """One case of a site; `detail` says what came instead when it did not pass."""

    path: str
    why: str
    passed: bool
    detail: str = ""


def check() -> None:
    """Raises ConfigError with the first thing of a site that is unsound."""
    for part in _parts():
        part()


def problems() -> list[str]:
    """Everything of a site that is unsound, a file's first problem each."""
    return [said for part in _parts() if (said := _said(part))]


def outcomes() -> list[Outcome]:
    """Its cases. Raises ConfigError for one that is none."""
    return [
        _outcome(case, str(path), number)
        for path in site.case_files()
        for number, case in enumerate(site.content(path) or [], 1)
    ]


def _parts() -> Iterator[Callable[[], object]]:
    yield destinations.check
    yield sensitive.check
    for path in site.tool_files():
        yield partial(_tools, path)


def _tools(path: Path) -> None:
    for _ in tool.site_tools(path):
        pass


def _said(part: Callable[[], object]) -> str:
    try:
        part()
    except ConfigError as error:
        return str(error)
    return ""


def _outcome(case: Any, path: str, number: int) -> Outcome:
    place = f"{path}: case {number}"
    if not isinstance(case, dict) or not isinstance(case.get("gives"), dict) or not case.get("why"):
        raise ConfigError(f"{place}: has to have `why`, fields of a record, and `gives` with what is to be known")
    record, given = {name: case[name] for name in case if name not in ("why", "gives")}, case["gives"]
    for name in record:
        if name not in _RECORD:
            raise ConfigError(f"{place}: {name}: nothing is read of that field, use {', '.join(_RECORD)}")
    for name in given:
        if name not in FIELDS or name == PROGRAM:
            raise ConfigError(
                f"{place}: gives: there is no field {name!r}: see docs/rules.md, What a command line does"
            )
    found = fields(record.get)
    wrong = [
        f"{name} is {found.get(name)!r}, not {expected!r}"
        for name, expected in given.items()
        if not _is(found.get(name), expected)
    ]
    return Outcome(path, str(case["why"]), not wrong, "; ".join(wrong))


def _is(value: Any, expected: Any) -> bool:
    return expected in value if isinstance(value, list) and not isinstance(expected, list) else bool(value == expected)
