"""The steps of opening a tenant. Each one may be repeated: what is there stays."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from temporalio import activity

BEAT_S = 1.0


class OnboardingSteps(Protocol):
    """What the steps do, each for the tenant of a slug that was asked for."""

    async def register(self, slug: str) -> None:
        """Give the tenant its number, and write it down as pending."""
        ...

    async def keys(self, slug: str) -> None:
        """Make the tenant's keys in the token."""
        ...

    async def identity(self, slug: str) -> None:
        """Write policy and roles, and invite the first administrator."""
        ...

    async def books(self, slug: str) -> None:
        """Open the books, and the chart of accounts."""
        ...

    async def namespace(self, slug: str) -> None:
        """Make the Temporal namespace, with its search attributes."""
        ...

    async def activate(self, slug: str) -> None:
        """Let the tenant work, and tell the audits."""
        ...


class OnboardingActivities:
    """The steps as activities, each with a sign of life every second."""

    def __init__(self, steps: OnboardingSteps) -> None:
        self._steps = steps

    @activity.defn(name="onboarding.register")
    async def register(self, slug: str) -> None:
        """Give the tenant its number."""
        await _alive(self._steps.register, slug)

    @activity.defn(name="onboarding.keys")
    async def keys(self, slug: str) -> None:
        """Make the tenant's keys."""
        await _alive(self._steps.keys, slug)

    @activity.defn(name="onboarding.identity")
    async def identity(self, slug: str) -> None:
        """Write policy, roles and the first administrator."""
        await _alive(self._steps.identity, slug)

    @activity.defn(name="onboarding.books")
    async def books(self, slug: str) -> None:
        """Open the books."""
        await _alive(self._steps.books, slug)

    @activity.defn(name="onboarding.namespace")
    async def namespace(self, slug: str) -> None:
        """Make the namespace."""
        await _alive(self._steps.namespace, slug)

    @activity.defn(name="onboarding.activate")
    async def activate(self, slug: str) -> None:
        """Let the tenant work."""
        await _alive(self._steps.activate, slug)


async def _alive(step: Callable[[str], Awaitable[None]], slug: str) -> None:
    async with _beating():
        await step(slug)


@asynccontextmanager
async def _beating() -> AsyncGenerator[None]:
    """Tell the server that this process lives, so that a killed one is replaced soon."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(BEAT_S)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
