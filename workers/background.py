"""Role background: all the loops in one process, for one machine."""

import asyncio

from mmo.settings import Settings
from workers import sweeper
from workers.loops import run_ready


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Run every loop until told to stop."""
    await run_ready(settings, stop, sweeper.loop, sweeper.rollup)
