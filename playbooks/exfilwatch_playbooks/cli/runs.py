"""`exfilwatch runs`: what the last polls did."""

from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, RowsOutput, examples, readable

if TYPE_CHECKING:
    from exfilwatch.polling.runs import Run

_MICROS = 1_000_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("runs", epilog=examples("exfilwatch runs", "exfilwatch runs main --output jsonl | jq .lateness"))(runs)


def runs(
    source: Annotated[
        str | None, typer.Argument(metavar="[SIEM]", help="Only polls of this one.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 20,
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """List the last polls, newest first: what was asked, what came, how late it was, and why one ended early."""
    from exfilwatch.errors import ConfigError
    from exfilwatch.polling.runs import last_runs, polled_sources
    from exfilwatch.polling.tables import PACKAGE, PART
    from exfilwatch_playbooks.cli.settings import open_store

    store = open_store(database, existing=True)
    store.database.ensure(PART, PACKAGE)
    with store.database.read() as connection:
        found = last_runs(connection, source, count)
        polled = [] if found or source is None else polled_sources(connection)
    if polled:
        raise ConfigError(f"{source}: nothing of that name was polled yet, only {', '.join(polled)}")
    if readable(output):
        _show(list(found))
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for run in found:
        stdout.write_line(line(row(run)))


def row(run: "Run") -> dict[str, object]:
    """A run as JSON lines have it: times in ISO 8601, UTC."""
    import msgspec

    from exfilwatch.events.timestamps import to_datetime

    made: dict[str, object] = msgspec.to_builtins(run)
    for name in ("started", "ended", "watermark"):
        time = to_datetime(getattr(run, name) or None)
        made[name] = time.isoformat().replace("+00:00", "Z") if time else None
    return made


def sentence(run: "Run") -> str:
    """A run in one line."""
    from exfilwatch_playbooks.cli.summary import counted

    took = (run.ended - run.started) / _MICROS
    more = f", {counted(run.left, 'interval')} left" if run.left else ""
    return (
        f"{run.source}: {counted(run.findings, 'new finding')} in {counted(run.records, 'record')} "
        f"({counted(run.requests, 'request')}, {_size(run.bytes)}), {took:.1f} s{more}"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"


def _show(found: "list[Run]") -> None:
    from exfilwatch.events.timestamps import to_datetime
    from exfilwatch.polling.advising import told
    from exfilwatch_playbooks.cli.tables import listing
    from exfilwatch_playbooks.cli.terminal import console, plain, when

    table = listing("Started (UTC)\nRead up to", "Records", "Findings", "SIEM\nLate (p50, p99, max)\nProblem")
    table.columns[0].no_wrap = True
    table.columns[1].justify = table.columns[2].justify = "right"
    table.columns[3].ratio, table.columns[3].overflow = 1, "fold"
    for run in found:
        read = when(to_datetime(run.watermark)) if run.watermark else plain("")
        what = plain(run.source, 40, "bold")
        if run.lateness:
            seconds = (run.lateness.p50, run.lateness.p99, run.lateness.max)
            what.append("\n" + ", ".join(f"{each:,.0f} s" for each in seconds))
        if run.problem:
            what.append("\n").append_text(plain(told(run.source, run.problem), 400))
        started = when(to_datetime(run.started))
        table.add_row(started.append("\n").append_text(read), f"{run.records:,}", f"{run.findings:,}", what)
    console().print(table)
