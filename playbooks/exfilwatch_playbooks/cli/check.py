"""`exfilwatch check`: whether the SIEMs of the settings can be polled, and what to change."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import NoFilters, RowsOutput, Rules, examples, readable
from exfilwatch_playbooks.cli.poll import Names

if TYPE_CHECKING:
    from exfilwatch.detection.rule import RuleSet
    from exfilwatch.polling.steps import Step

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "bold red")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples("exfilwatch check main", "exfilwatch check", "exfilwatch check main --output jsonl | jq .advice")
    app.command("check", epilog=shown)(check)


def check(names: Names = None, rules: Rules = None, no_filters: NoFilters = False, output: RowsOutput = None) -> None:
    """Try each step of a poll, and say what to change: account, indices, events, command lines, clocks, settings.

    Nothing is stored and nothing is changed. Exit code 0: all is well, 2: something must be changed, 3: not readable.
    """
    import asyncio

    from exfilwatch.config import settings
    from exfilwatch.polling.polls import configured
    from exfilwatch_playbooks.cli.settings import rule_set

    sources = configured(settings(), names or ())
    worst = asyncio.run(_checked(sources, rule_set(rules, filters=not no_filters), people=readable(output)))
    if worst:
        raise typer.Exit(worst)


async def _checked(sources: Mapping[str, Mapping[str, Any]], rules: "RuleSet", *, people: bool) -> int:
    """The exit code."""
    from exfilwatch.polling import checking

    worst = exits.DONE
    for name, values in sources.items():
        steps: list[Step] = []
        async with aclosing(checking.check(name, values, rules)) as found:
            async for step in found:
                steps.append(step)
                if not people:
                    _write(name, step)
        if people:
            _show(name, steps)
        worst = max(worst, *map(_code, steps))
    return worst


def _code(step: "Step") -> int:
    if step.outcome != "failure":
        return exits.DONE
    return exits.UNREADABLE if step.unreadable else exits.WRONG


def _write(name: str, step: "Step") -> None:
    from exfilwatch_playbooks.cli.jsonl import line

    said = {"step": step.name, "outcome": step.outcome.value, "said": step.said, "advice": step.advice}
    stdout.write_line(line({"siem": name, **said, "details": step.details}))


def _show(name: str, steps: "list[Step]") -> None:
    from rich.text import Text

    from exfilwatch_playbooks.cli.tables import listing
    from exfilwatch_playbooks.cli.terminal import console, plain

    table = listing("", "Step", name)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.columns[2].ratio, table.columns[2].overflow = 1, "fold"
    before = ""
    own = next((str(step.details["url"]) for step in steps if "url" in step.details), "")
    for step in steps:
        mark, style = _MARKS[step.outcome.value]
        what = plain(step.said, 1000, own=own)
        for line in step.advice.splitlines():
            what.append("\n").append_text(plain(line, 1000, "dim" if step.outcome == "ok" else "bold"))
        table.add_row(Text(mark, style), plain(step.name, 40) if step.name != before else "", what)
        before = step.name
    console().print(table)
