"""The edge of the program: whatever happens inside becomes an exit code and at most one line on standard error."""

import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

from exfilwatch.errors import ConfigError, ExfilwatchError, RuleError, SourceError, SpaceError
from exfilwatch_playbooks.cli import exits

DEBUG = "EXFILWATCH_DEBUG"
# The first that fits.
_CODES = (
    (ConfigError, exits.WRONG),
    (RuleError, exits.WRONG),
    (SpaceError, exits.INTERNAL),
    (SourceError, exits.UNREADABLE),
    (ExfilwatchError, exits.INTERNAL),
)


def main() -> NoReturn:
    """The command as it is installed."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a locale that lacks a character gets it spelled out
            stream.reconfigure(errors="backslashreplace")
    collect_seldom()
    code = run(sys.argv[1:])
    gc.freeze()
    # Not sys.exit: an interpreter that ends closes standard output once more, and complains when its reader is gone.
    sys.exit(code)


def collect_seldom() -> None:
    """Modules and rules stay until the end, so that looking through them for garbage is only work."""
    gc.set_threshold(50_000)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    try:
        code = _run(arguments)
        _flush()
    except Exception as error:  # noqa: BLE001 the edge
        code = _explained(error)
    except KeyboardInterrupt:
        code = exits.INTERRUPTED
    if code in (exits.CLOSED, exits.INTERRUPTED):
        _abandon_output()
    return code


def _run(arguments: Sequence[str]) -> int:
    from exfilwatch_playbooks.cli.app import run_command

    try:
        run_command(arguments)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # rich's and typer's way to end then
            return exits.CLOSED
        return ended.code if isinstance(ended.code, int) else exits.DONE if ended.code is None else exits.INTERNAL
    return exits.DONE


def debugging() -> bool:
    """Whether tracebacks are wanted (`exfilwatch --debug` sets the variable too)."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def _explained(error: Exception) -> int:
    """Say what went wrong, and the exit code for it."""
    if isinstance(error, BrokenPipeError):
        return exits.CLOSED
    if debugging():
        import traceback

        traceback.print_exception(error)
    if isinstance(error, ExfilwatchError):
        say(f"error: {error}")
        return next(code for kind, code in _CODES if isinstance(error, kind))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        what = error.filename or "the output"
        say(f"error: can't write {what}: {error.strerror}: free some room and run again")
        _abandon_output()
        return exits.INTERNAL
    what = f"{type(error).__name__}: {error}"
    say(f"error: internal error, please report it: {what} (`exfilwatch --debug ...` shows where)")
    return exits.INTERNAL


def say(text: str) -> None:
    """One line on standard error, fit for a terminal; no trouble when nobody listens."""
    if sys.stderr is None:  # closed; print would take standard output instead
        return
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        from exfilwatch_playbooks.hostile import visible

        text = visible(text, keep="\n")
    try:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, ValueError):
        _redirect(sys.stderr.fileno())


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _abandon_output() -> None:
    """What is still buffered goes nowhere, so that the interpreter has nothing to complain of at its end."""
    try:
        _redirect(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return


def _redirect(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """End by an exception, so that temporary files are removed."""
    sys.exit(exits.TERMINATED)
