"""`python -m tests.bench`: measure, print a table, and exit with 1 when a limit is exceeded."""

import argparse
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .measure import CommandError
from .references import EXFILWATCH, exfilwatch_runs
from .row import Row, Run
from .sections import SECTIONS

VERDICTS = {True: "[green]ok[/]", False: "[bold red]failed[/]", None: ""}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="lines of the main corpus (default 1,000,000)")
    parser.add_argument("--quick", action="store_true", help="100,000 lines: start-up weighs heavily, limits may fail")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="measure this part (repeatable)")
    parser.add_argument("--ten", action="store_true", help="compare memory with ten times the lines (8.4 GB)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program, of which the best counts")
    return parser.parse_args()


def main() -> int:
    """Measure what was asked for."""
    asked = arguments()
    run = Run(100_000 if asked.quick else asked.events, asked.ten, asked.rounds)
    console, rows = Console(), []
    for name in asked.only or SECTIONS:
        console.print(f"measuring {name} ...", style="dim")
        try:
            rows += SECTIONS[name](run)
        except CommandError as failure:
            rows.append(Row(name, str(failure), "", passed=False))
    table = Table("Measure", "Value", "Limit", "Verdict", title=f"{run.events:,} lines, best of {run.rounds}")
    for row in rows:
        table.add_row(escape(row.measure), escape(row.value), row.limit, VERDICTS[row.passed])
    console.print(table)
    if not exfilwatch_runs():
        console.print(
            f"[bold red]Not measured:[/] `{EXFILWATCH.name} detect --help` fails: it is not installed or broken."
        )
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
