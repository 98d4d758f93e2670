"""Opening what the user named."""

import sys
from collections.abc import Iterable, Iterator

from exfilwatch.errors import ConfigError
from exfilwatch.events.inputs import STDIN, Input, open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report


def inputs(paths: Iterable[str], report: Report, *, replayable: bool) -> Iterator[Input]:
    """The inputs of `paths` (open_inputs). Raises ConfigError when standard input is asked for and closed (`<&-`)."""
    named = list(paths)
    if STDIN in named and sys.stdin is None:
        raise ConfigError("standard input is closed: there is nothing to read for `-`")
    return open_inputs(named, report, Limits(), replayable)
