"""Stopping in order: SIGTERM and SIGINT become an event that a role looks at."""

import asyncio
import signal
from collections.abc import Awaitable, Callable


async def until_told_to_stop(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until done; the event is set when the process is told to stop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(stop)


async def sleep_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but no longer than until the process is told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
