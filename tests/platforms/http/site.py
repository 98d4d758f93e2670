"""A service that has the findings of the demo, for platforms over HTTP."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.platforms.service import Service, service

from exfilwatch.config import Settings
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, telemetry
from exfilwatch_playbooks.opened import context
from exfilwatch_playbooks.polls import poll_once


@contextmanager
def site(home: Path) -> Iterator[Service]:
    """The service, after a poll, with its files in `home`."""
    database, suppressions = str(home / "served.sqlite"), str(home / "suppressions")
    config = home / "config.toml"
    config.write_text(
        f'database = "{database}"\nsuppressions = "{suppressions}"\nrules = ["exfil", "{OWN_TRAFFIC}"]\n', "utf-8"
    )
    with telemetry() as files:
        settings = Settings(
            database=database,
            suppressions=suppressions,
            rules=("exfil", str(OWN_TRAFFIC)),
            policy={"enrich": "never", "open": "never", "page": "never"},
            siem={"logs": {"kind": "files", "paths": [str(each) for each in files]}},
        )

        async def polled() -> None:
            async with context(settings) as work:
                await poll_once(work)

        asyncio.run(polled())
        mine = {name: value for name, value in os.environ.items() if not name.startswith("EXFILWATCH_")}
        with service({**mine, "EXFILWATCH_CONFIG": str(config)}, database) as running:
            yield running
