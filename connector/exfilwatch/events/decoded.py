"""From inputs to events: every line decoded in full. What rules are to look at goes through detection/engine.py."""

from collections.abc import Iterable, Iterator

from exfilwatch.events.event import Event
from exfilwatch.events.inputs import Input
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report


def decoded(inputs: Iterable[Input], report: Report) -> Iterator[Event]:
    """The events of inputs, one after the other."""
    for source in inputs:
        decoder = LineDecoder(source.name, report)
        for block in source.blocks():
            for number, line in enumerate(block.lines(), block.first):
                yield from decoder.feed(line, number)
        yield from decoder.finish()
