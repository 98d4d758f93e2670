"""A progress bar on standard error, for inputs that take longer than a second and people who look."""

import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from exfilwatch.events.blocks import Block
from exfilwatch.events.evtx import Skim
from exfilwatch.events.inputs import Input
from exfilwatch.events.report import Report

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_AFTER = 1.0
_EVERY = 0.1


class Bar:
    """Watches inputs being read. Nothing is shown when standard error is no terminal, or for `quiet`."""

    def __init__(self, report: Report, *, quiet: bool = False) -> None:
        self._report = report
        self._wanted = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._started = self._drawn = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._shown: Input | None = None
        self._read = 0

    def watch(self, inputs: Iterable[Input]) -> Iterator[Input]:
        """The same inputs; reading them moves the bar."""
        if not self._wanted:
            yield from inputs
            return
        for each in inputs:
            yield Input(each.name, each.kind, each.size, partial(self._blocks, each), self._report)

    def _blocks(self, source: Input, skim: Skim | None) -> Iterator[Block]:
        self._read = 0
        for block in source.blocks(skim):
            self._read += len(block.data) if block.data is not None else 0
            now = time.monotonic()
            if now - self._started > _AFTER and now - self._drawn > _EVERY:
                self._draw(source)
                self._drawn = now
            yield block

    def _draw(self, source: Input) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        from exfilwatch_playbooks.cli.terminal import console

        if self._progress is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(20),
                TaskProgressColumn(),
                TextColumn("{task.fields[so_far]}", markup=False),
            )
            self._progress = Progress(*columns, console=console(stderr=True), transient=True, auto_refresh=False)
            self._progress.start()
        if self._task is None or self._shown is not source:
            if self._task is not None:
                self._progress.remove_task(self._task)
            # EVTX records come unpacked: how much of the file they were is unknown.
            total = source.size if source.kind == "lines" else None
            self._task = self._progress.add_task(source.name[-40:], total=total, so_far="")
            self._shown = source
        read = min(self._read, source.size or self._read)
        records = self._report.events.total() + self._report.unknown_count
        so_far = f"{records:,} records, {time.monotonic() - self._started:.0f} s"
        self._progress.update(self._task, completed=read, so_far=so_far, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
