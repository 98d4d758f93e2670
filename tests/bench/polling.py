"""Polling a real OpenSearch that holds the generated day, against fetching all of it, and against a bare scroll."""

import json
import os
import random
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..servers.unavailable import Unavailable  # noqa: TID252 (tests are no package on the path)
from .catalogue import CATALOGUE
from .engine import INDEX, Engine, engine
from .generate import START, Corpus, Day
from .measure import Command, run
from .references import EXFILWATCH, WORK, exfilwatch_runs, program
from .render import ecs
from .row import Row, Run, at_least, at_most

LIVE = "winlogbeat-live"
WEEK = 7
EVERY = 5  # seconds
RULES = "exfil"
PACKS = (RULES, "seed")


@dataclass(frozen=True)
class Polled:
    """What a program did, without its start: seconds, CPU seconds of it and the engine; peak memory in MB."""

    said: dict
    engine_cpu: float
    peak: float

    @property
    def seconds(self) -> float:
        return self.said["seconds"]

    @property
    def cpu(self) -> float:
        return self.said["cpu"]

    @property
    def both(self) -> float:
        return self.cpu + self.engine_cpu


def polling(asked: Run) -> list[Row]:
    """Bytes, findings, time, throughput, memory, and how soon a case is open."""
    corpus = Corpus(asked.events, "ecs").ensure(WORK)
    try:
        with engine() as server, tempfile.TemporaryDirectory() as folder:
            server.load(corpus)
            return [
                *(row for pack in PACKS for row in _day(server, Path(folder), pack, asked.rounds)),
                *_week(server, Path(folder)),
                *_live(server, Path(folder)),
            ]
    except Unavailable as error:
        return [Row("polling", f"skipped: {error}")]


def _day(server: Engine, folder: Path, pack: str, rounds: int) -> list[Row]:
    """A day, with what one pack asks for, against all of it."""
    commands = {
        "poll": _poll(server, folder, "poll", pack),
        "fetch all": _poll(server, folder, "all", pack, pushdown="off"),
        "scroll": program("scroll", server.url, INDEX, out=folder / "scroll.json"),
    }
    tries: dict[str, list[Polled]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            tries[name].append(_measured(server, command))
    best = {name: min(each, key=lambda polled: polled.seconds) for name, each in tries.items()}
    cpu = {name: min(polled.both for polled in each) for name, each in tries.items()}
    poll, every, scroll = best["poll"], best["fetch all"], best["scroll"]
    found, wanted = poll.said["ids"], every.said["ids"]
    return [
        *(
            Row(
                f"polling, {pack}: {name}",
                f"{polled.seconds:.1f} s, {polled.cpu:.1f} CPU s and {polled.engine_cpu:.1f} of the engine, "
                f"{polled.peak:.0f} MB, {polled.said['records']:,} records in {polled.said['bytes'] / 1e6:.1f} MB",
            )
            for name, polled in best.items()
        ),
        at_most(f"polling, {pack}: bytes, poll / fetch all", poll.said["bytes"] / every.said["bytes"], 0.02, "{:.4f}"),
        Row(f"polling, {pack}: findings", f"{len(found):,}", f"= {len(wanted):,}", found == wanted and len(found) > 0),
        at_most(f"polling, {pack}: time, poll / fetch all", poll.seconds / every.seconds, 0.1),
        Row(f"polling, {pack}: CPU with the engine's, poll / fetch all", f"{cpu['poll'] / cpu['fetch all']:.3f}"),
        at_least(f"polling, {pack}: throughput, fetch all / scroll", _rate(every) / _rate(scroll), 0.5),
    ]


def _week(server: Engine, folder: Path) -> list[Row]:
    """Everything of seven days, in one poll, without push-down."""
    peak = _measured(server, _poll(server, folder, "week", RULES, days=WEEK, pushdown="off")).peak
    return [at_most("polling: peak memory, a week of backlog", peak, 200, "{:.0f} MB")]


def _live(server: Engine, folder: Path) -> list[Row]:
    """From a command being searchable to its case being open, three times."""
    measure = f"polling: case open, --every {EVERY}s"
    if not exfilwatch_runs():
        return [Row(measure, "no exfilwatch", "≤ 10 s", passed=False)]
    server.create(LIVE)
    config = folder / "config.toml"
    config.write_text(f'[siem.live]\nkind = "opensearch"\nurl = "{server.url}"\nindices = ["{LIVE}"]\n')
    arguments = ("poll", "--every", f"{EVERY}s", "--output", "jsonl", "--database", folder / "live.sqlite")
    process = subprocess.Popen(
        [EXFILWATCH, *arguments],
        env={**os.environ, "EXFILWATCH_CONFIG": str(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        process.stdout.readline()  # of the first poll
        took = []
        for at in range(3):
            time.sleep(at * EVERY / 3)  # once soon after a poll, once in the middle, once soon before the next
            server.put(_command(at), LIVE)
            searchable = time.monotonic()
            while not json.loads(process.stdout.readline())["findings"]:
                pass
            took.append(time.monotonic() - searchable)
    finally:
        process.terminate()
        process.wait()
    return [at_most(measure, max(took), 10, "{:.1f} s")]


def _command(number: int) -> bytes:
    """An upload of now, which every pack finds, on a host of its own."""
    day = Day(random.Random(number))
    return ecs(day.process(CATALOGUE.transfer[:2], day.hosts[number], round(time.time() * 1000)))


def _poll(server: Engine, folder: Path, name: str, rules: str, *, days: int = 1, **settings: object) -> Command:
    asked = {
        "settings": {"kind": "opensearch", "url": server.url, "indices": [INDEX], **settings},
        "database": str(folder / f"{name}.sqlite"),
        "start": START * 1000,
        "rules": rules,
        "days": days,
    }
    path = folder / f"{name}.settings.json"
    path.write_bytes(msgspec.json.encode(asked))
    return program("poll", path, out=folder / f"{name}.json")


def _measured(server: Engine, command: Command) -> Polled:
    assert command.stdout
    for old in command.stdout.parent.glob(f"{command.stdout.stem}.sqlite*"):
        old.unlink()
    before = server.cpu()
    cost = run(command)
    said = json.loads(command.stdout.read_bytes())
    return Polled(said, server.cpu() - before, cost.peak)


def _rate(polled: Polled) -> float:
    return polled.said["records"] / polled.seconds
