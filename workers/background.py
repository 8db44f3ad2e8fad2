"""Role background: all the loops in one process, for one machine."""

import asyncio

from mmo.settings import Settings
from workers import projector, sweeper
from workers.loops import run_ready


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Run every loop until told to stop."""
    await run_ready(settings, stop, projector.loop, sweeper.loop, sweeper.rollup)
