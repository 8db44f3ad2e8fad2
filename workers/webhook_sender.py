"""Sending webhooks that are due: each endpoint by itself, so that a slow one holds up no other."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from prometheus_client import Counter
from psycopg_pool import AsyncConnectionPool

from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.notifications import webhooks
from mmo.notifications.addresses import UnsafeAddressError, resolved, target_of
from mmo.notifications.posting import Answer, PostFailedError, post
from mmo.notifications.webhooks import Delivery, Endpoint
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.loops import run_alone
from workers.wiring import key_store, open_envelope, open_pool, open_trust

UNDER_WAY_MAX = 50
EVERY_S = 0.5
RETRY_LAST_S = 6 * 3600.0

DELIVERIES = Counter("mmo_webhooks", "Webhook tries by how they went.", ["outcome"])

_log = structlog.get_logger()


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Send what is due."""
    async with open_pool(settings) as pool, open_trust(settings) as trust:
        sender = Sender(pool, open_envelope(key_store(settings), trust), settings)
        try:
            await run_alone("webhooks", settings, stop, sender.round, EVERY_S, wake=sender.wake)
        finally:
            await sender.close()


class Sender:
    """Starts what is due, at most one try at a time for each endpoint."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], envelope: Envelope, settings: Settings
    ) -> None:
        self.wake = asyncio.Event()
        self._pool = pool
        self._envelope = envelope
        self._settings = settings
        self._own = frozenset({urlsplit(settings.issuer).hostname or ""})
        self._tenants = TenantRegister(pool)
        self._under_way: dict[UUID, asyncio.Task[None]] = {}

    async def round(self) -> bool:
        """Start what is due and can be started; false: the next round is after a pause."""
        room = UNDER_WAY_MAX - len(self._under_way)
        if room <= 0:
            return False
        async with self._pool.connection() as connection:
            due = await webhooks.due(connection, list(self._under_way), room)
        for delivery in due:
            task = asyncio.create_task(self._try(delivery))
            self._under_way[delivery.endpoint_id] = task
            task.add_done_callback(lambda _, of=delivery.endpoint_id: self._ended(of))
        return False

    async def close(self) -> None:
        """Break off what is under way: it is tried again by whoever comes next."""
        for task in list(self._under_way.values()):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _ended(self, endpoint: UUID) -> None:
        self._under_way.pop(endpoint, None)
        self.wake.set()

    async def _try(self, delivery: Delivery) -> None:
        try:
            answer = await self._answer(delivery)
        except (UnsafeAddressError, PostFailedError, NoKeyError, LookupError) as error:
            await self._remember(delivery, None, str(error))
        except (OSError, TimeoutError, KeysAwayError) as error:
            await self._remember(delivery, None, f"{type(error).__name__}: {error}")
        else:
            await self._remember(delivery, answer, answer.body)

    async def _answer(self, delivery: Delivery) -> Answer:
        """Sign, resolve, and post to the very address that was looked at."""
        tenants = await self._tenants.numbered([delivery.tenant_id])
        slug = tenants[delivery.tenant_id].slug
        async with self._pool.connection() as connection:
            found = await webhooks.endpoint(connection, delivery.tenant_id, delivery.endpoint_id)
        if found is None or found.state != "active":
            raise LookupError("the endpoint is not active")
        now, loopback = datetime.now(UTC), self._settings.webhook_loopback
        target = target_of(found.url, loopback=loopback, own=self._own)
        keys = await self._keys(slug, found, now)
        address = await resolved(target, loopback=loopback)
        headers = webhooks.signed(delivery.id, delivery.body, keys, now)
        return await post(target, address, headers, delivery.body.encode())

    async def _keys(self, slug: str, endpoint: Endpoint, now: datetime) -> list[str]:
        sealed = [endpoint.secret]
        if endpoint.former_secret and endpoint.former_until and now < endpoint.former_until:
            sealed.append(endpoint.former_secret)
        context = webhooks.context_of(endpoint.id)
        return [
            await self._envelope.open_text(slug, webhooks.PURPOSE, context, one) for one in sealed
        ]

    async def _remember(self, delivery: Delivery, answer: Answer | None, said: str) -> None:
        taken = answer is not None and answer.taken
        last = delivery.tries + 1 >= self._settings.webhook_tries_max
        state = "delivered" if taken else "dead" if last else "queued"
        DELIVERIES.labels(state).inc()
        wait_s = min(self._settings.webhook_retry_s * 2**delivery.tries, RETRY_LAST_S)
        async with self._pool.connection() as connection:
            await webhooks.tried(
                connection, delivery, state=state, status=answer.status if answer else None,
                said=said, after_s=0.0 if taken else wait_s,
            )  # fmt: skip
        if not taken:
            _log.info("webhook.not_taken", delivery=str(delivery.id), state=state)
