"""Role front: the API and the worker of the queue `movements` in one process.

A command is then started eagerly: the workflow's first task comes back with the answer to its
start, and the caller is told by a future in memory.
"""

import asyncio

from mmo.settings import Settings
from workers.serving import serve


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve HTTP and carry movements out until told to stop."""
    await serve(settings, stop, works=True)
