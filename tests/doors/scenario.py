"""One scenario for every door of the product: poll the demo's telemetry, enrich the gravest incident, open its case in
a real Roundup, close it. Whichever door was taken, the same findings are kept, and there is one case.

A door gets settings (`config` as a file, `values` as they are, `flat()` as platforms ask for them), does the four steps
in its own way, and calls `check()`.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from tests.servers.roundup import USER, Roundup
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch.config import Settings
from exfilwatch.findings.incident import Incident, rank
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, telemetry
from exfilwatch_playbooks.opened import context
from exfilwatch_playbooks.polls import poll_once

_KEY = "finding_id"


@dataclass(frozen=True)
class Scenario:
    """A site: `values` are its settings, `config` a file with them, `home` a folder of its own.

    The policy opens nothing by itself: that is the door's to do. The case system is called `tracker`, the SIEM `logs`.
    """

    home: Path
    values: dict[str, Any]
    tracker: str

    @property
    def config(self) -> Path:
        """The settings as a file, for EXFILWATCH_CONFIG."""
        return self.home / "config.toml"

    @property
    def environment(self) -> dict[str, str]:
        """For a program: this machine's, with these settings and no others."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("EXFILWATCH_")}
        return mine | {"EXFILWATCH_CONFIG": str(self.config)}

    def store(self) -> Store:
        """What the door has kept."""
        return Store(self.values["database"])

    def gravest(self) -> Incident:
        """The incident that the door is to open a case of: the gravest, the earliest of those."""
        return max(reversed(self.store().incidents()), key=lambda each: rank(each.level))

    def cases(self) -> list[dict[str, Any]]:
        """The cases in the tracker: the key, the word for its status, how many messages and files."""
        asked = {"auth": (USER.user, USER.password), "trust_env": False, "timeout": 30}
        fields = f"title,{_KEY},status,messages,files"
        answer = httpx.get(f"{self.tracker}/rest/data/issue?@verbose=2&@fields={fields}", **asked).raise_for_status()
        return [
            {
                "key": each[_KEY],
                "title": each["title"],
                "status": each["status"]["name"],
                "messages": len(each["messages"]),
                "files": len(each["files"]),
            }
            for each in answer.json()["data"]["collection"]
        ]

    def put_status(self, status: str) -> None:
        """Somebody gives the gravest incident's case this status in the tracker itself."""
        site = {"auth": (USER.user, USER.password), "trust_env": False, "timeout": 30}
        origin = {"X-Requested-With": "rest", "Origin": self.tracker}
        found = httpx.get(f"{self.tracker}/rest/data/issue?{_KEY}:={self.gravest().id}", **site).raise_for_status()
        (issue,) = found.json()["data"]["collection"]
        asked = httpx.get(issue["link"], **site).raise_for_status()
        headers = {**origin, "If-Match": asked.headers["ETag"]}
        httpx.patch(issue["link"], json={"status": status}, headers=headers, **site).raise_for_status()

    def check(self) -> None:
        """The findings are those of any door, and the gravest incident has one case, which is closed."""
        assert {each.id for each in self.store().find()} == reference()
        (case,) = self.cases()
        assert (case["key"], case["status"]) == (self.gravest().id, "resolved")
        assert case["messages"]


@contextmanager
def scenario(*, poll: bool = True) -> Iterator[Scenario]:
    """A site with a tracker that runs as long as anyone is in here. Skips the test where it can't be had.

    Without `poll` the settings name no SIEM.
    """
    with tempfile.TemporaryDirectory(prefix="exfilwatch-door-") as folder, telemetry() as files:
        home = Path(folder)
        home.chmod(0o755)  # the tracker does not run as root
        (home / "roundup").mkdir()
        try:
            tracker = Roundup(home / "roundup")
        except Unavailable as error:
            leave_out(error)
        try:
            server = tracker.ready()
            values = {
                "database": str(home / "exfilwatch.sqlite"),
                "suppressions": str(home / "suppressions"),
                "rules": ("exfil", str(OWN_TRAFFIC)),
                "policy": {"enrich": "never", "open": "never", "page": "never"},
                "siem": {"logs": {"kind": "files", "paths": [str(each) for each in files]}} if poll else {},
                "case": {
                    "tracker": {
                        "kind": "roundup",
                        "url": server.url,
                        "user": USER.user,
                        "password": USER.password,
                    }
                },
            }
            made = Scenario(home, values, server.url)
            made.config.write_text(_toml(values), encoding="utf-8")
            yield made
        finally:
            tracker.stop()


@cache
def reference() -> frozenset[str]:
    """The ids of what is found by a poll in this process."""
    with tempfile.TemporaryDirectory() as folder, telemetry() as files:
        settings = Settings(
            database=str(Path(folder) / "reference.sqlite"),
            suppressions=str(Path(folder) / "suppressions"),
            rules=("exfil", str(OWN_TRAFFIC)),
            policy={"enrich": "never", "open": "never", "page": "never"},
            siem={"logs": {"kind": "files", "paths": [str(each) for each in files]}},
        )

        async def polled() -> frozenset[str]:
            async with context(settings) as work:
                (done,) = await poll_once(work)
                assert done.errors == []
                return frozenset(each.id for each in work.store.find())

        return asyncio.run(polled())


def _toml(values: dict[str, Any], place: str = "") -> str:
    """Settings as a file: values first, tables below them."""
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    lines = [f"{name} = {_value(value)}" for name, value in values.items() if name not in tables]
    below = [f"[{place}{name}]\n{_toml(value, f'{place}{name}.')}" for name, value in tables.items()]
    return "\n".join([*lines, "", *below])


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return f'"{value}"'
