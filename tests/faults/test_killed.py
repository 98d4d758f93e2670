"""`exfilwatch poll --once`, killed with SIGKILL again and again, anywhere: nothing is lost, and nothing comes twice."""

import os
import random
from pathlib import Path

import pytest

from exfilwatch.findings.store import Store

from .killing import Runner
from .polling import RULES_FILE, check_end
from .runner import Ended
from .sites import Site, site
from .story import HOUR, story

KILLS = int(os.environ.get("EXFILWATCH_CHAOS", "200"))
STORIES = 4
POLL = ["poll", "--once", "--since", "6h", "--output", "jsonl", "--rules", str(RULES_FILE)]
KILLED = -9


class Killing:
    """Runs that are killed at points that a seed draws; `kills` were. How long a run is: as the last whole one was."""

    def __init__(self, runner: Runner, seed: int) -> None:
        self._runner = runner
        self._random = random.Random(seed)
        self.kills = 0
        self._usual = Ended(0, 100, 20)
        self._seconds = 0.3

    def poll(self) -> Ended:
        """One run; it may end before it is killed."""
        point = self._random.choice(["statement", "statement", "request", "after"])
        drawn: float = self._random.uniform(0.01, self._seconds)
        if point != "after":
            drawn = self._random.randint(1, max(2, getattr(self._usual, f"{point}s")))
        ended = self._runner.run(arguments=POLL, **{point: drawn})
        assert ended.status in (0, KILLED), ended.said
        if ended.status == KILLED:
            self.kills += 1
        else:
            self._usual = ended
        return ended

    def settle(self) -> Ended:
        ended = self._runner.run(arguments=POLL)
        assert ended.status == 0, ended.said
        return ended


def configure(folder: Path, settings: dict[str, object]) -> None:
    lines = [f"{name} = {value!r}" for name, value in settings.items()]
    (folder / "config.toml").write_text(f"database = '{folder}/findings.sqlite'\n[siem.site]\n" + "\n".join(lines))


def live_and_die(place: Site, folder: Path, seed: int, kills: int) -> None:
    """A story in which each poll may be killed, until so many were."""
    configure(folder, {"kind": place.kind, "at_once": 2, "late": "2d", **place.settings(place.url)})
    with Runner(folder) as runner:
        killing = Killing(runner, seed)
        steps = story(seed, steps=10_000, records=6)
        while killing.kills < kills:
            step = next(steps)
            place.move(step.now)
            for record in step.records:
                place.put(record)
            for _ in range(4):
                killing.poll()
        place.move(step.now + HOUR)
        killing.settle()
    check_end(place, Store(f"{folder}/findings.sqlite"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(STORIES))
def test_a_poll_that_is_killed_anywhere_is_gone_on_with(tmp_path, seed):
    with site("splunk") as place:
        place.fake.quota = 1_000_000  # jobs of the killed end only later
        live_and_die(place, tmp_path, seed, KILLS // STORIES)
