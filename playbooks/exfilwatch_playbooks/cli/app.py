"""The commands, put together."""

import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.main import get_command

from exfilwatch_playbooks.cli import boundary
from exfilwatch_playbooks.cli.options import examples

COMMANDS = (
    "detect",
    "explain",
    "run",
    "check",
    "poll",
    "runs",
    "demo",
    "rules",
    "tools",
    "query",
    "findings",
    "tune",
    "cases",
    "report",
    "action",
    "playbook",
    "audit",
    "mcp",
    "serve",
    "tokens",
    "manifest",
)
"""In the order in which they are shown, each by its module."""


def _version(wanted: bool) -> None:
    if wanted:
        from exfilwatch import __version__

        typer.echo(f"exfilwatch {__version__}")
        raise typer.Exit


def _globals(
    version: Annotated[  # noqa: ARG001 its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors (also EXFILWATCH_DEBUG=1).")
    ] = False,
) -> None:
    """Finds automated data exfiltration in process and network events, says why, and opens cases."""
    if debug:
        os.environ[boundary.DEBUG] = "1"


def run_command(arguments: Sequence[str]) -> None:
    """Parse and run a command line. Ends with SystemExit, or with the exception that a command raised."""
    asked = [name for name in COMMANDS if name in arguments[:1]]
    get_command(application(asked or COMMANDS)).main(list(arguments), prog_name="exfilwatch")


def application(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The program with these commands: one is made in a third of the time of all."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    start = ("exfilwatch demo", "exfilwatch detect logs/", "exfilwatch COMMAND --help")
    app.callback(epilog=examples(*start))(_globals)
    for name in commands:
        import_module(f"exfilwatch_playbooks.cli.{name}").register(app)
    return app
