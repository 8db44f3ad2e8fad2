"""Role sealer: chains and signs the audit and the journal of every tenant."""

import asyncio

from mmo.audit.sealer import Sealer
from mmo.settings import Settings
from workers.loops import run_alone, run_ready
from workers.seals import signing
from workers.wiring import key_store, open_pool

EVERY_S = 0.25


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Seal until told to stop."""
    await run_ready(settings, stop, loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Seal four times a second what was written since. While the keys are away, it waits."""
    async with open_pool(settings) as pool:
        sealer = Sealer(pool, signing(key_store(settings)))
        await run_alone("sealer", settings, stop, sealer.round, EVERY_S)
