"""The scheduler: polls the SIEMs of the settings again and again, in a thread of its own. Of several services on one
database one polls, and another when that one is gone.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from exfilwatch.errors import ExfilwatchError
from exfilwatch.polling.logs import log
from exfilwatch_playbooks.service.claims import ClaimLost, Held
from exfilwatch_playbooks.service.workers import Workers

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.poll_routes import PollAnswer
    from exfilwatch_playbooks.service.service import Service

WHO = "scheduler"
_NAME = "scheduled poll"
_LEASE, _RENEWED = timedelta(seconds=60), 15.0  # seconds
_SHORTEST, _AGAIN = 0.05, 10.0  # seconds between two looks, and after a database that failed


async def polling(service: "Service", apart: timedelta) -> None:
    """Until this is cancelled. A poll that takes longer than the time apart delays none but the next; one that fails
    ends nothing: the next one reads what was missed.
    """
    workers = Workers(1)
    try:
        while True:
            try:
                held = await run_in_threadpool(service.claims.take, _NAME, _LEASE, apart)
                wait = (
                    await _polled(service, held, apart, workers) if isinstance(held, Held) else held
                ).total_seconds()
            except ExfilwatchError as error:
                log.error("the schedule can't be kept; tried again", error=str(error))
                wait = _AGAIN
            await asyncio.sleep(max(_SHORTEST, wait))
    finally:
        workers.close()


async def _polled(service: "Service", held: Held, apart: timedelta, workers: Workers) -> timedelta:
    """Poll, and put the next poll off until its time, which is given. Raises what the store refuses."""
    begun, left = service.clock(), timedelta(0)
    renewing = asyncio.create_task(_renewed(service, held))
    try:
        await _once(service, workers)
        left = apart - (service.clock() - begun) % apart
    finally:  # where it was broken off, the next service polls at once
        renewing.cancel()
        await run_in_threadpool(service.claims.release, held, left)
    return left


async def _once(service: "Service", workers: Workers) -> None:
    from exfilwatch_playbooks.service.poll_routes import poll

    async def once() -> "PollAnswer":
        async with service.context(WHO) as context:
            return await poll({}, context, service.polled)

    try:
        done = await workers.run(once)
        log.info("polled", summary=done.summary)
        for problem in done.problems:
            log.error("poll", problem=problem)
    except ExfilwatchError as error:
        log.error("poll failed; the next one goes on", error=str(error))
    except Exception as error:  # noqa: BLE001 whatever is wrong with one poll must not end those to come
        log.error("poll broke, please report it", error=f"{type(error).__name__}: {error}")


async def _renewed(service: "Service", held: Held) -> None:
    """Until it is cancelled, or lost: a poll goes on then, for what it reads has leases of its own."""
    with suppress(ClaimLost):
        while True:
            await asyncio.sleep(_RENEWED)
            try:
                await run_in_threadpool(service.claims.renew, held, _LEASE)
            except ClaimLost:
                raise
            except ExfilwatchError as error:
                log.warning("the schedule can't be kept; tried again", error=str(error))
