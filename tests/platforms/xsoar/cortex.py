"""A Cortex XSOAR server as far as an integration sees it: instances, the war room, the context, fetched incidents."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .sdk import environment

_HERE = Path(__file__).parent
_KEY = re.compile(r"(?P<path>[\w.]+)(\((?P<rule>.*)\))?")
_FIELD = re.compile(r"val\.([\w.]+) && val\.\1 == obj\.\1")


class Failed(Exception):
    """What the server shows as an error."""


class Platform:
    """Runs commands of an instance with `params`. `context` is that of one incident; `fetched` what was made."""

    def __init__(self, process: "subprocess.Popen[str]", params: dict[str, Any], home: Path) -> None:
        self._process = process
        self.home = home
        self.params = params
        self.context: dict[str, Any] = {}
        self.fetched: list[dict[str, Any]] = []
        self.last_run: dict[str, Any] = {}

    def test(self) -> str:
        """What the button Test shows."""
        (said,) = self._call("test-module", {})["results"]
        return str(said["Contents"]) if isinstance(said, dict) else str(said)

    def fetch(self, *, ended: bool = False) -> list[dict[str, Any]]:
        """The incidents of a fetch. `ended`: the server goes away before it keeps any of it. Raises Failed."""
        came = self._call("fetch-incidents", {}, self.last_run)
        if came["error"]:
            raise Failed(came["error"])
        made: list[dict[str, Any]] = came["incidents"]
        if not ended:
            self.last_run = json.loads(json.dumps(came["last_run"]))
            self.fetched += made
        return made

    def run(self, command: str, **given: str) -> list[dict[str, Any]]:
        """The entries of a command, whose outputs are in the context then; polled until it is over. Raises Failed."""
        while True:
            entries: list[dict[str, Any]] = self._call(command, given)["results"]
            for entry in entries:
                if entry["Type"] == 4:
                    raise Failed(entry["Contents"])
                self._take(entry.get("EntryContext") or {})
            again = next((each for each in entries if each.get("PollingCommand")), None)
            if again is None:
                return entries
            command, given = again["PollingCommand"], again["PollingArgs"]

    def file(self, entry: dict[str, Any]) -> str:
        """What stands in the file of an entry."""
        return (self.home / f"1_{entry['FileID']}").read_text("utf-8")

    def _call(self, command: str, args: dict[str, str], last_run: dict[str, Any] | None = None) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        call = {"command": command, "params": self.params, "args": args, "last_run": last_run}
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()
        came: dict[str, Any] = json.loads(self._process.stdout.readline())
        return came

    def _take(self, outputs: dict[str, Any]) -> None:
        """Into the context: an object with the same key takes the other's place, `(true)` joins whatever is there."""
        for key, value in outputs.items():
            found = _KEY.fullmatch(key)
            assert found is not None, key
            *parents, last = found["path"].split(".")
            place = self.context
            for each in parents:
                place = place.setdefault(each, {})
            if found["rule"] == "true":
                place.setdefault(last, {}).update(value)
                continue
            there = place.setdefault(last, [])
            ruled = _FIELD.fullmatch(found["rule"] or "")
            if ruled is not None:
                there[:] = [each for each in there if _at(each, ruled[1]) != _at(value, ruled[1])]
            there.append(value)


@contextmanager
def platform(pack: Path, common: Path, params: dict[str, Any], home: Path) -> Iterator[Platform]:
    """A server that has the pack, with a CommonServerPython and demistomock of the folder `common`. Raises
    Unavailable.
    """
    command = [str(environment() / "python"), str(_HERE / "run.py"), str(pack / "Integrations/ExfilWatch"), str(common)]
    with (home / "platform.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
        )
        try:
            yield Platform(process, params, home)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()


def _at(value: dict[str, Any], path: str) -> Any:
    for each in path.split("."):
        value = value[each]
    return value
