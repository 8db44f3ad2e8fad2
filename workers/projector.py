"""Role projector: folds the feed into the read models."""

import asyncio

from mmo.projections.support.projector import Projector
from mmo.settings import Settings
from workers.loops import run_alone, run_ready, woken_by_feed
from workers.wiring import open_pool


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Project until told to stop."""
    await run_ready(settings, stop, loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Fold whatever the feed brings, as soon as the bell rings."""
    async with open_pool(settings) as pool, woken_by_feed(settings) as wake:
        await run_alone("projector", settings, stop, Projector(pool).round, wake=wake)
