"""Role api: the API alone, where workers scale apart."""

import asyncio

from mmo.settings import Settings
from workers.serving import serve


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve HTTP until told to stop."""
    await serve(settings, stop, works=False)
