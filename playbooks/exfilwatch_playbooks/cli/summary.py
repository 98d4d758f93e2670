"""What was read and what went wrong, on standard error: after the results, in every form of output."""

from collections import Counter

from exfilwatch.events.report import Report
from exfilwatch_playbooks.cli.boundary import say
from exfilwatch_playbooks.cli.options import Level

_SHOWN = 20
"""Kinds of problems, and unknown shapes, that are spelled out."""


def problems(report: Report) -> None:
    """Each kind of problem once with its places, and records of unknown shape with a sample of their keys."""
    for problem in report.problems[:_SHOWN]:
        say(f"warning: {problem}")
    if len(report.problems) > _SHOWN:
        say(f"warning: {len(report.problems) - _SHOWN} more kinds of problems")
    for shape in report.unknown_shapes[:_SHOWN]:
        say(f"not recognised: {shape}")
    if len(report.unknown_shapes) > _SHOWN:
        say(f"not recognised: {len(report.unknown_shapes) - _SHOWN} more kinds of records")
    if report.unknown_shapes:
        say("What is recognised, and by what: docs/telemetry.md")


def events(report: Report) -> str:
    """4,512 events (sysmon_flat 3,000, auditd 1,512)."""
    total = report.events.total()
    shapes = ", ".join(f"{name} {count:,}" for name, count in report.events.most_common(6))
    more = f" and {len(report.events) - 6} more shapes" if len(report.events) > 6 else ""
    unknown = f", {counted(report.unknown_count, 'record')} not recognised" if report.unknown_count else ""
    return f"{counted(total, 'event')}{f' ({shapes}{more})' if shapes else ''}{unknown}"


def levels(found: Counter[str]) -> str:
    """23 findings: 3 critical, 20 medium."""
    names = [level.value for level in reversed(Level)]
    parts = [f"{found[name]:,} {name}" for name in sorted(found, key=lambda n: names.index(n) if n in names else 9)]
    return f"{counted(found.total(), 'finding')}{': ' if parts else ''}{', '.join(parts)}"


def counted(count: int, noun: str) -> str:
    """1 finding, 1,234 findings."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
