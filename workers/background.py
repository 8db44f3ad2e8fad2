"""Role background: all the loops in one process, for one machine."""

import asyncio

from mmo.settings import Settings
from workers import (
    bulk,
    changes,
    days,
    effects,
    history_export,
    projector,
    reactions,
    reactor,
    relay,
    sealer,
    sweeper,
    waker,
    watch,
)
from workers.loops import run_ready


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Run every loop until told to stop."""
    loops = (
        projector.loop,
        relay.loop,
        sweeper.loop,
        sweeper.rollup,
        history_export.loop,
        sealer.loop,
        reactor.loop,
        waker.loop,
        reactions.loop,
        changes.loop,
        bulk.loop,
        days.loop,
        watch.loop,
        effects.loop,
    )
    await run_ready(settings, stop, *loops)
