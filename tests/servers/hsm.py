"""A SoftHSM token of a test's own folder: nobody else's keys are in it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workers import hsm
from workers.wiring import Settings


def hsm_environment(home: Path) -> dict[str, str]:
    """The settings of a process that uses the token in `home`."""
    return {"MMO_HOME": str(home)}


async def prepare(settings: Settings) -> None:
    """Initialise the token that the settings name."""
    assert await hsm.prepare(settings)


def waited(coroutine: Any) -> Any:
    """Run what waits from where nothing can be awaited, on a loop and thread of its own."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()
