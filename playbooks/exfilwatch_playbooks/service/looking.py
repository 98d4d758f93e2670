"""How cases stand in their systems is looked at again and again, in a thread of its own. Where several services share a
database, each looks at what was not looked at for a while.
"""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.logs import log
from exfilwatch_playbooks.service.schedule import WHO
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.service import Service

_LOOKS = 30.0
"""Seconds between two looks at the cases that are due then."""


async def looking(service: "Service", apart: timedelta) -> None:
    """Look how cases stand in their systems, each about `apart` after its last look, until this is cancelled."""
    from exfilwatch_playbooks.cases.looking import Look, look

    workers = Workers(1)

    async def once() -> list[Look]:
        async with service.context(WHO) as context:
            return await look(context, apart=apart)

    try:
        while True:
            try:
                for done in await workers.run(once):
                    for change in done.changes:
                        log.info("case", system=done.system, case=change.case_id, change=change.change)
                    if done.problem:
                        log.warning("how cases stand could not be seen", problem=done.problem)
            except ExfilwatchError as error:
                log.error("how cases stand could not be seen", error=str(error))
            except Exception as error:  # noqa: BLE001 whatever is wrong with one look must not end those to come
                log.error("looking at cases broke, please report it", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(min(apart.total_seconds(), _LOOKS))
    finally:
        workers.close()
