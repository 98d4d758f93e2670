"""Writing results to standard output, one line at a time: whoever reads a pipe has each at once."""

import sys
from typing import BinaryIO

from exfilwatch.errors import ConfigError


def is_terminal() -> bool:
    """Whether a person looks at the results."""
    return sys.stdout is not None and sys.stdout.isatty()


def binary() -> BinaryIO:
    """Standard output. Raises ConfigError when it is closed (`>&-`)."""
    if sys.stdout is None:
        raise ConfigError("standard output is closed: results have nowhere to go")
    return sys.stdout.buffer


def write_line(line: bytes) -> None:
    """One line, and out with it."""
    out = binary()
    out.write(line + b"\n")
    out.flush()
