"""`exfilwatch serve` as a process, for platforms that talk to it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.tokens import Tokens

_LISTENING = re.compile(r"listening on (\S+)")
_PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Service:
    """Where it listens, the database that it serves, and tokens: one that may read and act, one that may read only."""

    url: str
    database: str
    token: str
    reader: str


@contextmanager
def service(environment: Mapping[str, str], database: str, *more: str) -> Iterator[Service]:
    """The service with the settings in `environment`, which name the database, until the block ends."""
    tokens = Tokens(Store(database).database)
    (token, _), (reader, _) = tokens.add("platform", ["read", "act"]), tokens.add("looks", ["read"])
    process = subprocess.Popen(
        [sys.executable, "-m", "exfilwatch_playbooks.cli", "serve", "--port", "0", *more],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Service(_url(process), database, token, reader)
    finally:
        process.terminate()
        process.communicate(timeout=_PATIENCE)


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if found := _LISTENING.search(line):
            return found[1]
    raise AssertionError(f"the service did not start: {''.join(said)}")
