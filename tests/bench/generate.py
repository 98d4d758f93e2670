"""Seeded telemetry: 80 % Sysmon 3, 20 % Sysmon 1, 0.1 % hits of the seed pack, 500 hosts, in order but for a jitter.

One line of input stands for 86.4 ms: a million lines are a day, and ten times the lines are ten days at the same rate.
150 of the hosts are servers that connect to nothing outside, so that an archive there is a hit only when planted so.
"""

import hashlib
import heapq
import random
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from . import catalogue, render
from .catalogue import CATALOGUE, Program, Talker
from .render import Connection, Process, Record

START = 1_767_571_200_000  # ms since 1970: 2026-01-05T00:00:00Z
STEP = 86.4  # ms a line
JITTER = 2_000  # ms that a line can come late
WINDOW = 300_000  # ms, the timespan of archive_then_network
WORKSTATIONS, SERVERS = 350, 150
NETWORK_SHARE, NAMED_SHARE = 0.8, 0.15
LONGEST = 8_000  # characters of a generated part of a command line
SMALLEST = 10_000  # lines: a planted pair needs its ten minutes
SHAPES = {"flat": render.flat, "ecs": render.ecs}

# How many of a million lines begin each planted story. An archive on a workstation meets about four connections that
# are there anyway; on a server, `sent` plants one within the window, before or after it, and `kept` one outside it.
STORIES = {
    "scripting": 350,
    "transfer": 250,
    "archive": 80,
    "archive_then_sent": 70,
    "sent_then_archive": 30,
    "kept": 300,
}

Row = TypeVar("Row", Program, Talker)


@dataclass(frozen=True)
class Corpus:
    """One generated file. Its name holds every parameter and a hash of the generator, so that it can be reused."""

    events: int
    shape: str = "flat"
    seed: int = 4

    def path(self, folder: Path) -> Path:
        """Where `ensure` puts it below `folder`."""
        sources = (Path(__file__), Path(render.__file__), catalogue.SOURCE)
        version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]
        return folder / f"{self.shape}-{self.events}-seed{self.seed}-{version}.jsonl"

    def ensure(self, folder: Path) -> Path:
        """The file, made now unless it is already there; what an older generator made for it goes."""
        path = self.path(folder)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob(f"{path.stem.rpartition('-')[0]}-*"):
                old.unlink()
            unfinished = path.with_suffix(".unfinished")
            write = SHAPES[self.shape]
            with unfinished.open("wb", buffering=1 << 20) as file:
                file.writelines(write(record) for record in records(self.events, self.seed))
            unfinished.rename(path)
        return path


@dataclass(frozen=True)
class Host:
    """A machine and the one account that works on it."""

    name: str
    user: str
    account: str
    ip: str
    server: bool


def records(events: int, seed: int) -> Iterator[Record]:
    """`events` records; the same ones for the same arguments."""
    if events < SMALLEST:
        raise ValueError(f"a corpus has at least {SMALLEST} events, not {events}")
    day = Day(random.Random(seed))
    rng = day.rng
    begun = [story for story, count in STORIES.items() for _ in range(max(1, round(count * events / 1_000_000)))]
    stories = dict(zip(rng.sample(range(events - SMALLEST // 2), len(begun)), begun, strict=True))
    for line in range(events):
        now = START + round(line * STEP)
        time = now - rng.randrange(JITTER)
        if line in stories:
            yield day.begin(stories[line], time)
        elif day.planned and day.planned[0][0] <= now:
            yield heapq.heappop(day.planned)[2]
        elif rng.random() < NETWORK_SHARE:
            yield day.connection(rng.choice(day.hosts), time)
        else:
            table = CATALOGUE.named if rng.random() < NAMED_SHARE else CATALOGUE.ordinary
            yield day.process(table, rng.choice(day.hosts), time)


class Day:
    """The hosts and what they do; `planned` holds the second halves of stories as (when due in ms, serial, record)."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.serial = 0
        self.planned: list[tuple[int, int, Record]] = []
        self.workstations = [
            Host(f"WKS{n:04d}", f"CORP\\user{n:04d}", f"user{n:04d}", f"10.1.{n % 200}.{n % 250 + 1}", False)
            for n in range(WORKSTATIONS)
        ]
        self.servers = [
            Host(f"SRV{n:04d}", "NT AUTHORITY\\SYSTEM", "svc", f"10.2.0.{n + 1}", True) for n in range(SERVERS)
        ]
        self.hosts = self.workstations + self.servers
        self.filler = Filler(rng)

    def begin(self, story: str, time: int) -> Record:
        """The first record of a story; its second is planned."""
        rng = self.rng
        if story in ("scripting", "transfer", "archive"):
            table: list[Program] = getattr(CATALOGUE, story)
            return self.process(table, rng.choice(self.workstations), time)
        host = rng.choice(self.servers)
        later = time + rng.choice((1, WINDOW, rng.randrange(1, WINDOW), rng.randrange(1, WINDOW)))
        if story == "sent_then_archive":
            self.plan(self.process(CATALOGUE.archive, host, later))
            return self.connection(host, time, outside=True)
        if story == "kept":
            later = time + WINDOW + rng.choice((1, rng.randrange(1, 60_000)))
        self.plan(self.connection(host, later, outside=True))
        return self.process(CATALOGUE.archive, host, time)

    def plan(self, record: Record) -> None:
        """Have `record` written when its time has come."""
        heapq.heappush(self.planned, (record.time + self.rng.randrange(JITTER), record.serial, record))

    def process(self, table: Sequence[Program], host: Host, time: int) -> Process:
        """A process creation drawn from `table`."""
        self.serial += 1
        program = weighted(self.rng, table)
        return Process(
            self.serial,
            time,
            host.name,
            host.user,
            self.rng.randrange(500, 16_000) * 4,
            program.image.replace("<user>", host.account),
            self.filler.fill(self.rng.choice(program.command_lines), host.account),
            program.parent.replace("<user>", host.account),
            program.parent.rpartition("\\")[2],
        )

    def connection(self, host: Host, time: int, *, outside: bool | None = None) -> Connection:
        """A connection; outside when asked, else as often as its kind goes outside, from servers never."""
        self.serial += 1
        rng = self.rng
        talker = weighted(rng, CATALOGUE.connections)
        if outside is None:
            outside = not host.server and rng.random() < talker.external
        return Connection(
            self.serial,
            time,
            host.name,
            host.user,
            rng.randrange(500, 16_000) * 4,
            talker.image.replace("<user>", host.account),
            talker.protocol,
            host.ip,
            rng.randrange(49_152, 65_536),
            public_address(rng) if outside else private_address(rng),
            talker.port,
        )


class Filler:
    """Fills the placeholders of a command line (see `catalogue`)."""

    PLACEHOLDER = re.compile(r"<(n|hex|user|jars|flags|base64)>")

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        words = [f"{rng.getrandbits(40):010x}" for _ in range(3 * LONGEST // 10)]
        self.long = {
            "jars": "".join(f"C:\\app\\lib\\part-{word}.jar;" for word in words),
            "flags": " ".join(f"--enable-feature={word}" for word in words),
            "base64": "".join(rng.choices(string.ascii_letters + string.digits, k=3 * LONGEST)),
        }

    def fill(self, template: str, account: str) -> str:
        """`template` with every placeholder drawn anew."""
        return self.PLACEHOLDER.sub(lambda found: self.text(found[1], account), template)

    def text(self, name: str, account: str) -> str:
        """What stands for one placeholder."""
        if name == "user":
            return account
        if name == "n":
            return str(self.rng.randrange(1, 100_000))
        if name == "hex":
            return f"{self.rng.getrandbits(32):08x}"
        pool = self.long[name]
        length = min(LONGEST, int(self.rng.lognormvariate(4.8, 1.2)))
        start = self.rng.randrange(len(pool) - length)
        return pool[start : start + length]


def weighted(rng: random.Random, table: Sequence[Row]) -> Row:
    """One row of `table`, as often as its weight says."""
    return rng.choices(table, [row.weight for row in table])[0]


def private_address(rng: random.Random) -> str:
    """An address of the company or of the host itself."""
    start = rng.choice(("10.20.0.", "10.20.1.", "192.168.7.", "172.16.4.", "172.31.9.", "127.0.0."))
    return f"{start}{rng.randrange(1, 255)}"


def public_address(rng: random.Random) -> str:
    """What the published query takes for external: IPv4 outside the private networks, and every IPv6."""
    if rng.random() < 0.08:
        return f"2a02:26f0:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:0:0:0:{rng.getrandbits(16):x}"
    first = rng.choice((13, 20, 23, 34, 40, 52, 104, 142, 151, 172, 185, 192))
    return f"{first}.{rng.randrange(64, 160)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
