"""Blocks that follow one another can be remembered as one, and read again as one."""

import gzip
from functools import reduce
from pathlib import Path

import pytest

from exfilwatch.events.blocks import Block
from exfilwatch.events.inputs import Limits, open_inputs
from exfilwatch.events.report import Report

SHARED = Path(__file__).parents[2] / "../shared/data"


def blocks(path: Path, limits: Limits) -> list[Block]:
    return [
        block for source in open_inputs([str(path)], Report(), limits, replayable=True) for block in source.blocks()
    ]


def together(first: Block, second: Block) -> Block:
    both = first.joined(second)
    assert both is not None
    return both


@pytest.mark.parametrize("packed", [False, True], ids=["a plain file", "unpacked into a spool"])
def test_all_blocks_of_an_input_make_one_that_reads_as_they_do(tmp_path: Path, packed: bool) -> None:
    text = b"".join(b'{"n": %d}\n' % number for number in range(2000))
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(text, mtime=0) if packed else text)
    found = blocks(path, Limits(block=512))
    assert len(found) > 20
    for block in found:
        block.drop()
    whole = reduce(together, found)
    assert (whole.first, whole.ends, whole.load()) == (1, 2000, text)


def test_blocks_with_something_between_them_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"n": 1}\n' * 300)
    first, second, third, *_ = blocks(tmp_path / "a.jsonl", Limits(block=512))
    assert first.joined(third) is None
    assert second.joined(first) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared recordings are not on this machine")
def test_blocks_of_an_evtx_file_make_one_too() -> None:
    path = max((SHARED / "background").glob("*.evtx"), key=lambda path: path.stat().st_size)
    found = blocks(path, Limits())
    lines = [line for block in found for line in block.lines()]
    assert len(found) > 1
    whole = reduce(together, found)
    assert (whole.first, whole.ends, list(whole.lines())) == (1, len(lines), lines)
