"""Daily work is no exfiltration: nothing in the corpus of harmless command lines is found above low."""

import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from ..cli.program import inside  # noqa: TID252
from ..events.reading import events  # noqa: TID252
from ..process_starts import System, records, write  # noqa: TID252 (tests are no package on the path)
from .corpus import Line, corpus

SYSTEMS: tuple[System, ...] = get_args(System)
QUIET = {"informational", "low"}


def shape(line: str) -> str:
    """What is left of a line without its numbers and its blanks: lines that differ only there are one."""
    return re.sub(r"[0-9]+", "0", re.sub(r"\s+", " ", line.lower()))


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_harmless_line_is_found_above_low(system: System, tmp_path: Path, capsys: Any) -> None:
    lines = {line.case.host: line for line in corpus(system)}
    file = write(tmp_path / f"{system}.jsonl", [line.case for line in lines.values()])
    ended = inside(capsys, "detect", file, "--rules", "exfil", "--output", "jsonl")
    assert f"in {len(lines):,} events" in ended.err
    loud = {lines[found["host"]].text: found["rule"] for found in ended.lines if found["rule"]["level"] not in QUIET}
    shown = [f"{rule['level']}: {rule['title']}: {text}" for text, rule in loud.items()]
    assert shown == [], "harmless lines are found above low"


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_line_reaches_the_engine_as_a_process_of_its_system(system: System) -> None:
    lines = corpus(system)
    read = events(*(record for line in lines for record in records(line.case)))
    assert {(event.category, event.product) for event in read} == {("process_creation", system)}
    assert [event.get("CommandLine") for event in read] == [line.text for line in lines]
    assert all(event.get("Image") and event.get("ParentImage") for event in read)


def test_the_lines_are_enough_and_different() -> None:
    lines: list[Line] = [line for system in SYSTEMS for line in corpus(system)]
    shapes = Counter(shape(line.text) for line in lines)
    assert [text for text, times in shapes.items() if times > 1] == []
    assert len(shapes) >= 1500


def test_each_line_says_where_it_comes_from() -> None:
    assert all(len(line.source) > 10 for system in SYSTEMS for line in corpus(system))
