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
from mmo.notifications.backoff import backoff_s, retry_after_s
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
DISABLED = Counter("mmo_webhook_endpoints_gone", "Endpoints that answered 410 and are disabled.")

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

    @property
    def busy(self) -> bool:
        """Whether a try is under way."""
        return bool(self._under_way)

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
        except LookupError as error:
            await self._remember(delivery, None, str(error), state="dead")
        except (UnsafeAddressError, PostFailedError, NoKeyError) as error:
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
            raise LookupError(webhooks.DISABLED)
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

    async def _remember(
        self, delivery: Delivery, answer: Answer | None, said: str, state: str | None = None
    ) -> None:
        """Write down how a try went, and what the receiver asks of all its deliveries."""
        state = state or self._state(delivery, answer)
        DELIVERIES.labels(state).inc()
        asked_s = _asked_s(answer)
        wait_s = backoff_s(
            delivery.tries, first_s=self._settings.webhook_retry_s, last_s=RETRY_LAST_S
        )
        tenant, endpoint = delivery.tenant_id, delivery.endpoint_id
        async with self._pool.connection() as connection, connection.transaction():
            await webhooks.tried(
                connection, delivery, state=state, status=answer.status if answer else None,
                said=said, after_s=max(wait_s, asked_s) if state == "queued" else 0.0,
            )  # fmt: skip
            if answer is not None and answer.gone:
                await webhooks.disable(connection, tenant, endpoint, "gone")
            elif asked_s:
                await webhooks.rest(connection, tenant, endpoint, asked_s)
        if answer is not None and answer.gone:
            DISABLED.inc()
            _log.warning("webhook.endpoint_gone", endpoint=str(endpoint))
        if state != "delivered":
            _log.info("webhook.not_taken", delivery=str(delivery.id), state=state)

    def _state(self, delivery: Delivery, answer: Answer | None) -> str:
        if answer is not None and answer.taken:
            return "delivered"
        last = delivery.tries + 1 >= self._settings.webhook_tries_max
        return "dead" if last or (answer is not None and answer.gone) else "queued"


def _asked_s(answer: Answer | None) -> float:
    """How long the receiver asks to be left alone, as far as that is heeded."""
    if answer is None or answer.taken:
        return 0.0
    asked = retry_after_s(answer.retry_after, datetime.now(UTC))
    return min(asked or 0.0, RETRY_LAST_S)
