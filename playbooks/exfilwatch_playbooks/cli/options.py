"""The options that several commands share, each written once."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Output(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


class ListOutput(StrEnum):
    """How lists are written that nobody wants as CSV."""

    TABLE = "table"
    JSONL = "jsonl"


class Level(StrEnum):
    """Sigma's levels, from the lowest."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for informational to 4 for critical."""
        return list(Level).index(self)


def rank(level: str) -> int:
    """The same of a rule's level; one that Sigma does not know counts as medium."""
    return Level(level).rank if level in {each.value for each in Level} else Level.MEDIUM.rank


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Paths: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Files, folders (with all in them), .gz and .zip archives; - for standard input.",
        show_default=False,
    ),
]
Rules: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        "-r",
        metavar="PACK|FILE|DIR",
        help="Rule pack (exfil, seed), Sigma file or folder. Can be given several times. Default: exfil.",
        show_default=False,
    ),
]
NoFilters: TypeAlias = Annotated[
    bool, typer.Option("--no-filters", help="Without the filters that come with the pack exfil.")
]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From this time on: 2026-03-12, 2026-03-12T09:14Z, 24h (ago)."),
]
Until: TypeAlias = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this time.")]
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="FILE|URL",
        help="Where findings and cases are kept: a SQLite file or a URL. Default: the setting, else your data folder.",
        show_default=False,
    ),
]
FindingsOutput: TypeAlias = Annotated[
    Output | None,
    typer.Option("--output", "-o", help="Default: table on a terminal, jsonl when piped.", show_default=False),
]
RowsOutput: TypeAlias = Annotated[
    ListOutput | None,
    typer.Option("--output", "-o", help="Default: table on a terminal, jsonl when piped.", show_default=False),
]


def readable(output: ListOutput | None) -> bool:
    """Whether to write for people rather than programs."""
    from exfilwatch_playbooks.cli import stdout

    return output is ListOutput.TABLE or (output is None and stdout.is_terminal())


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The two times that bound a span. Raises ConfigError."""
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.cli import times

    start = times.parse(since, "--since") if since else None
    end = times.parse(until, "--until") if until else None
    if start and end and start >= end:
        raise ConfigError("--since is not before --until")
    return start, end


def examples(*lines: str) -> str:
    """Commands for the end of a help text, kept as they are; brackets are escaped from rich's markup."""
    shown = "\n".join(f"  $ {line}" for line in lines).replace("[", "\\[")
    return f"Examples:\n\n\b\n{shown}"
