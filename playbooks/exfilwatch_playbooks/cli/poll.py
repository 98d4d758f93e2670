"""`exfilwatch poll`: ask the SIEMs of the settings for what is new, keep what is found, open its cases."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import Database, LogLevel, NoFilters, RowsOutput, Rules, examples, readable

if TYPE_CHECKING:
    from datetime import timedelta

    from exfilwatch.events.report import Report
    from exfilwatch.findings.store import Store
    from exfilwatch.polling.metrics import Metrics
    from exfilwatch.polling.runs import Run
    from exfilwatch_playbooks.cases.looking import Look
    from exfilwatch_playbooks.polls import Polled, Polling


Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SIEM]...", help="Their names in the settings. Default: all of them.", show_default=False),
]
Once = Annotated[bool, typer.Option("--once", help="Poll once and end, as a scheduler wants it. The default.")]
Every = Annotated[
    str | None, typer.Option("--every", metavar="TIME", help="Poll again and again, this far apart: 30s, 5m, 1h.")
]
Since = Annotated[
    str,
    typer.Option("--since", metavar="TIME", help="How far back the first poll of a SIEM goes: 24h, 7d."),
]
Deadline = Annotated[
    str | None,
    typer.Option("--deadline", metavar="TIME", help="End each poll after this time; the next one goes on."),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port", metavar="PORT", min=0, max=65535, help="With --every: Prometheus metrics on 127.0.0.1:PORT."
    ),
]
Log = Annotated[LogLevel, typer.Option("--log", help="What is logged to standard error.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch poll --once",
        "exfilwatch poll main --every 5m --since 7d",
        "exfilwatch poll --once --deadline 4m --output jsonl",
    )
    app.command("poll", epilog=shown)(poll)


def poll(
    names: Names = None,
    once: Once = False,
    every: Every = None,
    since: Since = "24h",
    deadline: Deadline = None,
    rules: Rules = None,
    no_filters: NoFilters = False,
    output: RowsOutput = None,
    metrics_port: MetricsPort = None,
    log: Log = LogLevel.WARNING,
    database: Database = None,
) -> None:
    """Look at what is new in the SIEMs, keep the findings, and enrich incidents, open cases and page as the policy of
    the settings says.

    Nothing is looked at twice and nothing is left out, however often a poll is run, and wherever one was ended.
    """
    import asyncio

    from exfilwatch.config import settings
    from exfilwatch.errors import ConfigError
    from exfilwatch.polling.logs import configure
    from exfilwatch.polling.polls import configured
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.cli.keep import checked
    from exfilwatch_playbooks.cli.settings import open_store, rule_set, rules_stamp
    from exfilwatch_playbooks.polls import Polling

    if once and every:
        raise ConfigError("give either --once or --every")
    if metrics_port is not None and not every:
        raise ConfigError("--metrics-port is for --every: a poll that ends has nobody to ask it")
    apart, ends, back = _length(every, "--every"), _length(deadline, "--deadline"), _length(since, "--since")
    configure(log.value)
    chosen = settings()
    sources = configured(chosen, names or ())
    store = open_store(database)
    context = Context(chosen, lambda: store, lambda: rule_set(rules, filters=not no_filters))
    polling = Polling(context, sources, since=back, stamp=lambda: rules_stamp(rules, filters=not no_filters))
    checked(chosen, store, context.rules)
    metrics = _metrics(metrics_port, sources, store) if metrics_port is not None else None
    show = _Show(people=readable(output), metrics=metrics)
    try:
        asyncio.run(_polled(polling, show, ends.total_seconds() if deadline else None, apart if every else None))
    finally:
        if metrics:
            metrics.close()
    if show.failed:
        raise typer.Exit(exits.UNREADABLE)


async def _polled(polling: "Polling", show: "_Show", deadline: float | None, apart: "timedelta | None") -> None:
    """Once, or again and again until the program is ended; a poll that takes longer than the time apart delays none.

    A database that is away for a while, or full, ends no program that is to go on: the next poll reads what was missed.
    """
    import asyncio

    from exfilwatch.errors import ConfigError, ExfilwatchError, RuleError

    begun = time.monotonic()
    try:
        while True:
            try:
                await polling.once(deadline, show.progress, show.done)
            except ExfilwatchError as error:
                if apart is None or isinstance(error, ConfigError):
                    raise
                show.error(str(error))
            show.problems(polling.polls.report)
            show.looked(polling.looked)
            if apart is None:
                return
            seconds = apart.total_seconds()
            await asyncio.sleep(seconds - (time.monotonic() - begun) % seconds)
            try:
                await polling.renew()
            except (ConfigError, RuleError) as error:
                show.error(f"{error}; polling goes on with the rules of before")
    finally:
        await polling.close()
        await polling.context.close()


def _metrics(port: int, sources: "Iterable[str]", store: "Store") -> "Metrics":
    from exfilwatch.polling.metrics import Metrics
    from exfilwatch.polling.waiting import waiting_hits

    def waiting() -> int:
        with store.database.read() as connection:
            return waiting_hits(connection)

    return Metrics(port, sources, waiting)


def _length(text: str | None, option: str) -> "timedelta":
    from datetime import timedelta

    from exfilwatch.errors import ConfigError
    from exfilwatch.written import duration

    if text is None:
        return timedelta(0)
    try:
        found = duration(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r}: {error}") from None
    if not found:
        raise ConfigError(f"{option} {text!r}: give a time that is longer than none")
    return found


class _Show:
    """What is printed: a line a poll, the cases that changed, and each kind of problem once."""

    def __init__(self, *, people: bool, metrics: "Metrics | None" = None) -> None:
        self.failed = False
        self._people = people
        self._metrics = metrics
        self._said: set[str] = set()
        self._shown = 0.0

    def progress(self, run: "Run") -> None:
        """A sign of life of a long poll, every few seconds, for people."""
        if self._people and time.monotonic() - self._shown > 5:
            from exfilwatch_playbooks.cli.boundary import say
            from exfilwatch_playbooks.cli.summary import counted

            self._shown = time.monotonic()
            counts = {"interval": run.slices, "record": run.records, "finding": run.findings}
            left = f", {counted(run.left, 'interval')} left" if run.left else ""
            say(f"{run.source}: {', '.join(counted(count, what) for what, count in counts.items())} so far{left}")

    async def done(self, polled: "Polled") -> None:
        """A poll of one source has ended, and its cases are opened: it is shown."""
        from exfilwatch_playbooks.cli.boundary import say

        run, handled = polled.run, polled.handled
        if self._metrics:
            self._metrics.record(run)
        if self._people:
            from exfilwatch_playbooks.cli.case_view import show_outcomes
            from exfilwatch_playbooks.cli.runs import sentence

            show_outcomes(handled.outcomes)
            say(sentence(run))
        else:
            from exfilwatch_playbooks.cli.jsonl import line
            from exfilwatch_playbooks.cli.runs import row

            stdout.write_line(line(row(run)))
        for problem in handled.problems:
            say(f"problem: {problem}")
        for failure in polled.errors:
            self.error(failure)

    def error(self, said: str) -> None:
        """Something went wrong, though the program goes on."""
        from exfilwatch_playbooks.cli.boundary import say

        self.failed = True
        say(f"error: {said}")

    def looked(self, looks: "Iterable[Look]") -> None:
        """Say which case systems did not tell how their cases stand: they are asked again, and nothing fails by it."""
        from exfilwatch_playbooks.cli.boundary import say

        for each in looks:
            if each.problem:
                say(f"problem: how cases stand: {each.problem}")

    def problems(self, report: "Report") -> None:
        """What could not be read of the records, each kind once."""
        from exfilwatch_playbooks.cli.boundary import say

        self.failed |= report.had_errors
        for problem in report.problems:
            if problem.why not in self._said:
                self._said.add(problem.why)
                say(f"problem: {problem}")
