"""The scheduler: polls the SIEMs of the settings again and again, in a thread of its own."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.logs import log
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.poll_routes import PollAnswer
    from exfilwatch_playbooks.service.service import Service

WHO = "scheduler"


async def polling(service: "Service", apart: timedelta) -> None:
    """Until this is cancelled. A poll that takes longer than the time apart delays none but the next; one that fails
    ends nothing: the next one reads what was missed.
    """
    from exfilwatch_playbooks.service.poll_routes import poll

    workers, loop, seconds = Workers(1), asyncio.get_running_loop(), apart.total_seconds()

    async def once() -> "PollAnswer":
        async with service.context(WHO) as context:
            return await poll({}, context, service.polled)

    begun = loop.time()
    try:
        while True:
            try:
                done = await workers.run(once)
                log.info("polled", summary=done.summary)
                for problem in done.problems:
                    log.error("poll", problem=problem)
            except ExfilwatchError as error:
                log.error("poll failed; the next one goes on", error=str(error))
            except Exception as error:  # noqa: BLE001 whatever is wrong with one poll must not end those to come
                log.error("poll broke, please report it", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(seconds - (loop.time() - begun) % seconds)
    finally:
        workers.close()
