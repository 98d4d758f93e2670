"""What a Cortex XSOAR server gives an integration, as its developers' pages say: where its own is not at hand.

The runner puts in its own for what a command is given and what it returns.
"""

import uuid
from typing import Any

callingContext: dict[str, Any] = {}  # noqa: N816


def params() -> dict[str, Any]:
    """The settings of the instance."""
    return {}


def args() -> dict[str, Any]:
    """The arguments of the command: all are texts."""
    return {}


def command() -> str:
    """The command's name."""
    return ""


def getLastRun() -> dict[str, Any]:  # noqa: N802
    """What the last fetch has left."""
    return {}


def setLastRun(obj: dict[str, Any]) -> None:  # noqa: N802
    """Leave it for the next fetch."""


def incidents(incidents: list[dict[str, Any]] | None = None) -> None:
    """Make incidents."""


def results(results: Any) -> None:
    """Put entries into the war room."""


def investigation() -> dict[str, Any]:
    """The incident in which the command runs."""
    return {"id": "1"}


def uniqueFile() -> str:  # noqa: N802
    """A name for a file."""
    return str(uuid.uuid4())


def debug(msg: str, *args: Any) -> None:
    """For the server's log."""


info = error = log = debug
