"""Where the time of a long run went: seconds of workers, with preparations, by room and in the dearest files."""

from collections import Counter
from collections.abc import Iterable

import pytest

_LONG = 300  # seconds of all workers, below which nobody asks
_FILES = 15


def told(reports: Iterable[tuple[str, float]]) -> list[str]:
    """Lines for node ids with their seconds; none of a short run."""
    rooms, files = Counter[str](), Counter[str]()
    for node, seconds in reports:
        file = node.partition("::")[0]
        rooms["/".join(file.split("/")[:2])] += seconds
        files[file] += seconds
    if rooms.total() < _LONG:
        return []
    dearest = files.most_common(_FILES)
    return [f"{seconds:7.0f} s  {name}" for name, seconds in (*rooms.most_common(), *dearest)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The lines of a run; pytest's."""
    reports = [each for kept in terminalreporter.stats.values() for each in kept]
    lines = told((each.nodeid, each.duration) for each in reports if isinstance(each, pytest.TestReport))
    if lines:
        terminalreporter.section("seconds of workers")
        terminalreporter.write_line("\n".join(lines))
