"""The generated telemetry is what the benchmark's numbers are said to be about."""

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from .generate import Corpus, records
from .literal import hits
from .render import Process, ecs, flat

EVENTS, SEED = 20_000, 4


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return [flat(record) for record in records(EVENTS, SEED)]


def test_the_same_seed_gives_the_same_lines_and_another_seed_gives_others(lines: list[bytes]) -> None:
    assert [flat(record) for record in islice(records(EVENTS, SEED), 500)] == lines[:500]
    assert [flat(record) for record in islice(records(EVENTS, SEED + 1), 500)] != lines[:500]


def test_four_lines_in_five_are_connections_and_their_mean_length_is_near_829_bytes(lines: list[bytes]) -> None:
    codes = Counter(json.loads(line)["EventID"] for line in lines)
    assert set(codes) == {1, 3}
    assert codes[3] / EVENTS == pytest.approx(0.8, abs=0.02)
    assert sum(map(len, lines)) / EVENTS == pytest.approx(829, rel=0.05)


def test_one_line_in_a_thousand_is_a_hit_and_every_branch_has_some(lines: list[bytes]) -> None:
    branches = Counter(branch for branch, _ in hits(line.decode() for line in lines))
    assert branches.total() / EVENTS == pytest.approx(0.001, rel=0.3)
    assert branches["scripting_engine"] == 7
    assert branches["transfer_tool"] == 5
    assert branches["archive_then_network"] >= 3


def test_one_process_in_seven_has_an_image_that_the_seed_rules_name() -> None:
    names = Counter(record.image for record in records(EVENTS, SEED) if isinstance(record, Process))
    named = sum(names[image] for image in names if image.endswith(("cmd.exe", "powershell.exe", "curl.exe", "7z.exe")))
    assert 0.08 < named / names.total() < 0.2


def test_events_come_in_order_but_for_two_seconds(lines: list[bytes]) -> None:
    times = [record.time for record in records(EVENTS, SEED)]
    latest = [max(times[: index + 1]) for index in range(0, EVENTS, 997)]
    assert times != sorted(times)
    assert all(seen - time < 4_100 for seen, time in zip(latest, times[::997], strict=True))


def test_command_lines_have_a_long_tail() -> None:
    lengths = sorted(len(record.command_line) for record in records(EVENTS, SEED) if isinstance(record, Process))
    assert lengths[len(lengths) // 2] < 100
    assert 2_000 < lengths[-1] < 8_300


def test_both_shapes_tell_of_the_same_events(lines: list[bytes]) -> None:
    documents = [json.loads(ecs(record)) for record in islice(records(EVENTS, SEED), 500)]
    for line, document in zip(lines, documents, strict=False):
        event = json.loads(line)
        assert document["@timestamp"] == event["@timestamp"]
        assert document["winlog"]["computer_name"] == event["Hostname"]
        assert document["event"]["code"] == str(event["EventID"])
        assert document["process"].get("command_line") == event.get("CommandLine")
        assert document.get("destination", {}).get("ip") == event.get("DestinationIp")


def test_a_corpus_is_made_once_for_its_parameters(tmp_path: Path) -> None:
    made = Corpus(10_000).ensure(tmp_path)
    stamp = made.stat().st_mtime_ns
    assert Corpus(10_000).ensure(tmp_path) == made
    assert made.stat().st_mtime_ns == stamp
    assert Corpus(10_000, seed=5).path(tmp_path) != made
    assert len(made.read_bytes().splitlines()) == 10_000


def test_a_corpus_too_small_for_its_stories_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10000 events"):
        next(records(500, SEED))
