"""Uploads by what tools document: each line is found at medium or above, but for what missing.yml names and why."""

from pathlib import Path
from typing import Any, get_args

import pytest

from exfilwatch.packaged import read_yaml

from ..cli.program import inside  # noqa: TID252
from ..harmless.corpus import corpus  # noqa: TID252 (tests are no package on the path)
from ..harmless.test_harmless import QUIET  # noqa: TID252
from ..process_starts import System, write  # noqa: TID252

FOLDER = Path(__file__).parent
MISSING: dict[str, list[str]] = read_yaml((FOLDER / "missing.yml").read_text("utf-8"))


@pytest.mark.parametrize("system", get_args(System))
def test_each_upload_is_found_at_medium_or_above(system: System, tmp_path: Path, capsys: Any) -> None:
    lines = {line.case.host: line for line in corpus(system, FOLDER)}
    file = write(tmp_path / f"{system}.jsonl", [line.case for line in lines.values()])
    ended = inside(capsys, "detect", file, "--rules", "exfil", "--output", "jsonl")
    found = {each["host"] for each in ended.lines if each["rule"]["level"] not in QUIET}
    missed = [lines[host].text for host in lines if host not in found]
    known = {line for listed in MISSING.values() for line in listed}
    assert missed == [line.text for line in lines.values() if line.text in known]


def test_the_lines_are_enough_and_different() -> None:
    lines = [line.text for system in get_args(System) for line in corpus(system, FOLDER)]
    assert len(set(lines)) == len(lines) >= 250
    assert {line for listed in MISSING.values() for line in listed} <= set(lines)
