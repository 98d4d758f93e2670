"""Where the time of a long run went: seconds of workers and of processors, by room and in the dearest files."""

import os
from collections import Counter
from collections.abc import Generator, Iterable

import pytest

_LONG = 300  # seconds of all workers, below which nobody asks
_FILES = 25
_CPU = "cpu"


def told(reports: Iterable[tuple[str, float, float]]) -> list[str]:
    """Lines for node ids with seconds of their worker and of processors; none of a short run. Dearest first, by the
    latter: there is less of them.
    """
    taken, worked = Counter[str](), Counter[str]()
    for node, seconds, cpu in reports:
        file = node.partition("::")[0]
        for place in dict.fromkeys(["/".join(file.split("/")[:2]), file]):
            taken[place] += seconds
            worked[place] += cpu
    rooms = {place: worked[place] for place in worked if place.count("/") == 1}
    if sum(taken[room] for room in rooms) < _LONG:
        return []
    files = {place: worked[place] for place in worked if place not in rooms}
    places = [*Counter(rooms).most_common(), *Counter(files).most_common(_FILES)]
    return [f"{taken[place]:7.0f} s  {cpu:7.0f} s of CPU  {place}" for place, cpu in places]


_before = 0.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The seconds of processors since the last report, also of programs that have ended; pytest's."""
    global _before
    report = yield
    now = sum(os.times()[:4])
    report.user_properties.append((_CPU, now - _before))
    _before = now
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The lines of a run; pytest's."""
    reports = [each for kept in terminalreporter.stats.values() for each in kept]
    lines = told(
        (each.nodeid, each.duration, sum(float(value) for name, value in each.user_properties if name == _CPU))  # type: ignore[arg-type]
        for each in reports
        if isinstance(each, pytest.TestReport)
    )
    if lines:
        terminalreporter.section("seconds of workers, and of processors")
        terminalreporter.write_line("\n".join(lines))
