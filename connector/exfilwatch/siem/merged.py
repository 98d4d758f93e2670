"""Several streams of batches as one, read at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def merged(streams: Sequence[AsyncGenerator[T]]) -> AsyncGenerator[T]:
    """What all of them give, in the order in which it comes. The first error of one ends all."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as only:
            async for each in only:
                yield each
        return
    queue: asyncio.Queue[T | BaseException | None] = asyncio.Queue(len(streams))

    async def read(stream: AsyncGenerator[T]) -> None:
        try:
            async with aclosing(stream):
                async for each in stream:
                    await queue.put(each)
            await queue.put(None)
        except Exception as error:  # noqa: BLE001 it is raised where the streams are read
            await queue.put(error)

    tasks = [asyncio.create_task(read(stream)) for stream in streams]
    try:
        left = len(streams)
        while left:
            item = await queue.get()
            if item is None:
                left -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
