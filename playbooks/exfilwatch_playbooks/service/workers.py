"""Actions run in threads, each with a loop of its own: one that computes or asks the database for long holds up no
other request.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Workers:
    """At most `at_once` of them."""

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="action")
        self._lock = threading.Lock()
        self.waiting = 0
        """How many run or wait for a thread."""

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What it gives. When this is cancelled, the work is too, and it is waited for."""
        running = _Running(work)
        self.waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, running.run)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Take no more; what has not begun never does."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Running:
    """Work in a thread, which can be cancelled from another."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._cancelled = False
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> Any:
        return asyncio.run(self._run())

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> Any:
        with self._lock:
            if self._cancelled:
                raise asyncio.CancelledError
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.current_task()
        try:
            return await self._work()
        finally:
            with self._lock:
                self._loop = self._task = None
