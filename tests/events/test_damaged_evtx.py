"""EVTX files that are cut off or damaged: each loss is reported with its place, the rest is read. On others' files."""

import json
import random
from pathlib import Path

import pytest

from exfilwatch.events.evtx import EvtxBlock, Skim
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

DATA = Path(__file__).parents[2] / "../shared/data/background"
CHUNK, HEADER = 65536, 4096
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")


def read(path: Path) -> tuple[list[str], Report]:
    """The identities of the events."""
    report = Report()
    found: list[str] = []
    for one in open_inputs([str(path)], report, Limits(), replayable=True):
        decoder = LineDecoder(one.name, report)
        for block in one.blocks():
            for number, line in enumerate(block.lines(), block.first):
                found += [event.id for event in decoder.feed(line, number)]
    return found, report


@pytest.fixture(scope="module")
def whole() -> bytes:
    """A log of at least three chunks."""
    sizes = sorted((path.stat().st_size, path) for path in DATA.glob("*.evtx"))
    return next(path for size, path in sizes if size >= HEADER + 3 * CHUNK).read_bytes()


@pytest.fixture
def good(tmp_path, whole):
    (tmp_path / "whole.evtx").write_bytes(whole)
    events, report = read(tmp_path / "whole.evtx")
    assert not report.had_errors
    return events


def damaged(tmp_path: Path, data: bytes) -> tuple[list[str], Report, Path]:
    path = tmp_path / "damaged.evtx"
    path.write_bytes(data)
    return *read(path), path


@pytest.mark.parametrize("kept", [HEADER + CHUNK, HEADER + CHUNK + 1000, HEADER + 2 * CHUNK - 1], ids=lambda n: f"{n}")
def test_a_file_that_is_cut_off_says_so_and_its_whole_chunks_are_read(tmp_path, whole, good, kept):
    events, report, path = damaged(tmp_path, whole[:kept])
    assert report.had_errors
    assert str(report.problems[0]).startswith(str(path))
    assert events
    assert set(events) < set(good)


class Only(dict[str, bool]):
    """Records of one event number are wanted."""

    def __missing__(self, number: str) -> bool:
        return number == self.number

    def __init__(self, number: str) -> None:
        self.number = number


@pytest.mark.parametrize("spoilt", [0, HEADER + CHUNK + 600], ids=["whole", "damaged"])
def test_records_that_nobody_wants_keep_their_places_and_can_be_asked_for_later(tmp_path, whole, spoilt):
    data = bytearray(whole)
    if spoilt:
        data[spoilt : spoilt + 40] = b"\xff" * 40
    path = tmp_path / "some.evtx"
    path.write_bytes(data)
    reports = Report(), Report()

    def blocks(report: Report, skim: Skim | None) -> list[EvtxBlock]:
        (one,) = open_inputs([str(path)], report, Limits(), replayable=True)
        return [block for block in one.blocks(skim) if isinstance(block, EvtxBlock)]

    every = blocks(reports[0], None)
    lines = [(block.first + at, line) for block in every for at, line in enumerate(block.lines())]
    ids = {line: str(json.loads(line)["Event"]["System"]["EventID"]) for _, line in lines}
    number = min(set(ids.values()), key=list(ids.values()).count)
    some = blocks(reports[1], Only(number))
    wanted = [(block.first + at, line) for block in some for at, line in zip(*block.wanted(), strict=True)]
    assert wanted == [(at, line) for at, line in lines if ids[line] == number]
    assert len(wanted) < len(lines)
    assert [problem.places for problem in reports[1].problems] == [problem.places for problem in reports[0].problems]
    assert [(block.first, block.ends, block.lines()) for block in some] == [
        (block.first, block.ends, block.lines()) for block in every
    ]


@pytest.mark.parametrize("kept", [8, 100, HEADER - 1, HEADER])
def test_a_file_without_a_chunk_says_so(tmp_path, whole, kept):
    events, report, path = damaged(tmp_path, whole[:kept])
    assert events == []
    assert report.had_errors
    assert str(report.problems[0]).startswith(str(path))


@pytest.mark.parametrize("where", ["chunk", "strings", "record"])
def test_damage_is_reported_with_its_place_and_costs_its_own_chunk_at_most(tmp_path, whole, good, where):
    chunk = HEADER + CHUNK
    start = {"chunk": chunk, "strings": chunk + 600, "record": whole.index(b"**\0\0", chunk + 5000)}[where]
    events, report, path = damaged(tmp_path, whole[:start] + b"\xff" * 16 + whole[start + 16 :])
    assert report.had_errors
    assert "damaged EVTX record or chunk" in str(report.problems[0])
    assert report.problems[0].places[0].source == str(path)
    assert report.problems[0].places[0].line > 1
    assert set(events) < set(good)
    assert {good[0], good[-1]} <= set(events)


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_overwritten_raise_nothing(tmp_path, whole, seed):
    chance = random.Random(seed)
    data = bytearray(whole)
    for _ in range(chance.randint(1, 50)):
        data[chance.randrange(8, len(data))] = chance.randrange(256)
    damaged(tmp_path, bytes(data[: chance.choice([len(data), chance.randrange(HEADER, len(data))])]))


def test_the_files_after_a_damaged_one_are_read(tmp_path, whole, good):
    (tmp_path / "a.evtx").write_bytes(whole[: HEADER + 100])
    (tmp_path / "b.evtx").write_bytes(whole)
    events, report = read(tmp_path)
    assert set(good) <= set(events)
    assert report.had_errors
