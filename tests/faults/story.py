"""What happens at a site, by a seed: records over hours, some late by minutes or days, some out of order or twice."""

import random
from collections.abc import Iterator
from typing import NamedTuple

MINUTE, HOUR = 60, 3600
_DELAYS = (0, 0, 0, 0, 2, 5 * MINUTE, 5 * MINUTE, HOUR, 30 * HOUR)
_WHAT = ("upload", "upload", "archive", "connect", "beat", "beat", "sent")


class Record(NamedTuple):
    """`ingest`: when it is taken in, and found from, seconds after the story's start; `delay`: how long after it
    happened. `text` says what (memory_siem.py has the rules), with a number of its own.
    """

    number: int
    ingest: int
    delay: int
    host: str
    text: str

    @property
    def time(self) -> int:
        return self.ingest - self.delay

    @property
    def alone(self) -> bool:
        """Whether it is a finding by itself."""
        return self.text.startswith("upload")


class Step(NamedTuple):
    """What was taken in until `now`, seconds after the start."""

    now: int
    records: tuple[Record, ...]


def story(seed: int, steps: int = 3, records: int = 12) -> Iterator[Step]:
    """The first step is what is there already, of four hours."""
    drawn = random.Random(seed)
    before, number = -4 * HOUR, 0
    for step in range(steps):
        now = 0 if step == 0 else before + drawn.choice([30, 10 * MINUTE, 3 * HOUR])
        made = []
        for _ in range(drawn.randint(records // 2, records)):
            number += 1
            ingest = drawn.choice([drawn.randint(before, now - 1), now - 1, before + (now - before) // 2])
            what, host = drawn.choice(_WHAT), drawn.choice(["ws1", "ws2"])
            made.append(Record(number, ingest, drawn.choice(_DELAYS), host, f"{what} {number}"))
        made += [drawn.choice(made)] if drawn.random() < 0.5 else []
        drawn.shuffle(made)
        yield Step(now, tuple(made))
        before = now
