"""The worker of onboardings as a process that dies after the commit of a step: SLUG [STEP]."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from mmo.settings import Settings
from workers.onboarding import Steps, onboarding_worker, opened, start, workflow_id
from workers.wiring import KeyMaker, development_keys

STEPS = ("register", "keys", "identity", "books", "namespace", "activate")
KILLED = 9


def files(settings: Settings) -> KeyMaker:
    """Keys that are files: the token has tests of its own."""
    keys = development_keys(settings)

    async def make(_: int, tenant: str) -> None:
        keys.make(tenant)

    return make


class Dies:
    """The real steps, after one of which the process is gone."""

    def __init__(self, steps: Steps, last: str) -> None:
        self._steps = steps
        self._last = last

    def __getattr__(self, name: str) -> Callable[[str], Awaitable[None]]:
        async def step(slug: str) -> None:
            await getattr(self._steps, name)(slug)
            if name == self._last:
                sys.stdout.write(f"killed in {name}\n")
                sys.stdout.flush()
                os._exit(KILLED)

        return step


async def main(slug: str, last: str) -> None:
    settings = Settings()
    async with (
        opened(settings, files(settings)) as (_, client, steps),
        onboarding_worker(client, Dies(steps, last)),
    ):
        await start(client, slug)
        await client.get_workflow_handle(workflow_id(slug)).result()
    sys.stdout.write("done\n")
    sys.stdout.flush()
    os._exit(0)  # the threads of Temporal's core may outlive the interpreter, and then abort it


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
