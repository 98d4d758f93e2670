"""`exfilwatch poll --once` on a log that grows and rotates, killed with SIGKILL again and again."""

import gzip
import json
import random
from pathlib import Path

import pytest

from exfilwatch.findings.store import Store

from ..polling.memory_siem import START, connection, events, process  # noqa: TID252 (tests are no package on the path)
from .killing import Runner
from .polling import clean
from .test_killed import KILLS, Killing, configure


def lines(drawn: random.Random, first: int, count: int):
    """Records as memory_siem.py makes them, in the order in which they happen."""
    for number in range(first, first + count):
        at, host = START + number * 20_000_000, drawn.choice(["ws1", "ws2"])
        what = drawn.choice(["upload", "archive", "connect", "beat", "sent"])
        yield (
            connection(at, host, f"203.0.113.{number % 250}")
            if what == "connect"
            else process(at, host, f"{what} {number}")
        )


def rotate(log: Path, number: int, packed: bool) -> None:
    """The log is renamed, or packed when it is followed no more, and begun anew."""
    older = log.with_name(f"events.json.{number}")
    if packed:
        older.with_suffix(f".{number}.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        log.rename(older)
    log.touch()


@pytest.mark.slow
def test_following_that_is_killed_anywhere_is_gone_on_with(tmp_path):
    drawn = random.Random(9)
    logs = tmp_path / "logs"
    logs.mkdir()
    log = logs / "events.json"
    configure(tmp_path, {"kind": "files", "paths": [str(logs)]})
    written = []
    with Runner(tmp_path) as runner:
        killing = Killing(runner, 9)
        rotations = 0
        while killing.kills < KILLS // 4:
            more = list(lines(drawn, len(written), drawn.randint(1, 12)))
            written += more
            text = b"".join(json.dumps(each.values).encode() + b"\n" for each in more)
            with log.open("ab") as file:
                file.write(text)
            for _ in range(drawn.randint(1, 4)):
                killing.poll()
            if drawn.random() < 0.2:
                rotations += 1
                rotate(log, rotations, packed=rotations % 2 == 0)
        killing.settle()
        killing.settle()
    found = sorted(each.id for each in Store(f"{tmp_path}/findings.sqlite").find())
    assert found == clean(events(written))
    assert found
    assert rotations
