"""Role reactor: starts a workflow for each rule that reacts to an event of the feed.

It wakes sleeping movements too.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from psycopg_pool import AsyncConnectionPool
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.reactions import Occasion
from mmo.bep.event import EventKind, Phase
from mmo.bep.postgres import Snapshots
from mmo.bep.snapshot import Rule, Snapshot
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.messaging.event import Event
from mmo.messaging.postgres import move_to, position_of, read_feed
from mmo.movements.support.business_events import business_events
from mmo.movements.support.reacting import kind_of, parties_of, product_of
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from workers import waker
from workers.loops import run_alone, run_ready, woken_by_feed
from workers.wiring import (
    TenantClients,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)
from workflows.processes.reaction import Reaction
from workflows.support import queues
from workflows.support.limits import WORKFLOW_TASK

CONSUMER = "reactor"
STARTS_MAX = 20
"""Workflows that are started at the same time."""

STARTED = Counter("mmo_reactions_started", "Reactions that were started.")
LOST = Counter("mmo_reactions_lost", "Reactions of tenants whose key is destroyed.")

_log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """React, and wake, until told to stop."""
    await run_ready(settings, stop, loop, waker.loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Start what each event gives cause for. While Temporal is away, it waits."""
    async with (
        open_pool(settings) as pool,
        open_trust(settings) as trust,
        woken_by_feed(settings) as wake,
    ):
        clients = tenant_clients(settings, open_envelope(key_store(settings), trust))
        reactor = Reactor(pool, clients)
        await run_alone("reactor", settings, stop, reactor.round, wake=wake)


@dataclass(frozen=True, slots=True)
class _Start:
    tenant: Tenant
    event: Event
    kind: EventKind
    rule: Rule


class Reactor:
    """Reads a page, starts its reactions, and only then remembers that it did."""

    def __init__(self, pool: AsyncConnectionPool[Any], clients: TenantClients) -> None:
        self._pool = pool
        self._clients = clients
        self._tenants = TenantRegister(pool)
        self._snapshots = Snapshots(pool, business_events())

    async def round(self) -> bool:
        """Look at one page; true when there may be more. A page that was cut short is repeated."""
        async with self._pool.connection() as connection:
            events = await read_feed(connection, await position_of(connection, CONSUMER))
        if not events:
            return False
        starts = await self._starts(events)
        slots = asyncio.Semaphore(STARTS_MAX)
        await asyncio.gather(*(self._start(start, slots) for start in starts))
        async with self._pool.connection() as connection:
            await move_to(connection, CONSUMER, events[-1].xid)
        return True

    async def _starts(self, events: Sequence[Event]) -> list[_Start]:
        told = [(event, kind) for event in events if (kind := kind_of(event, business_events()))]
        named = {event.tenant_id for event, _ in told}
        tenants = await self._tenants.numbered(named)
        rules = await self._rules(named)
        meant = [
            (event, kind)
            for event, kind in told
            if (kind.name, Phase.POST) in rules[event.tenant_id].by_event
        ]
        products = await self._products(meant)
        return [
            _Start(tenants[event.tenant_id], event, kind, rule)
            for event, kind in meant
            for rule in _rules(rules[event.tenant_id], event, kind, products)
        ]

    async def _rules(self, tenants: Iterable[int]) -> Mapping[int, Snapshot]:
        """The rules of these tenants as they are now; read anew only where they have changed."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT tenant_id, rules_version FROM ledger.tenant WHERE tenant_id = ANY (%s)",
                [list(tenants)],
            )
            found: dict[int, int] = dict(await cursor.fetchall())
        return {
            number: await self._snapshots.at_least(number, found.get(number, 0))
            for number in tenants
        }

    async def _products(self, meant: Iterable[tuple[Event, EventKind]]) -> Mapping[str, int | None]:
        """Wallet → product, of the wallets in these events. An id is no other tenant's too."""
        wallets = {UUID(one) for event, kind in meant for one in parties_of(event, kind).values()}
        if not wallets:
            return {}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT id::text, product FROM wallets.wallet WHERE id = ANY (%s)", [list(wallets)]
            )
            return dict(await cursor.fetchall())

    async def _start(self, start: _Start, slots: asyncio.Semaphore) -> None:
        stored, event = start.rule.stored, start.event
        occasion = Occasion(
            tenant=start.tenant.slug, tenant_id=event.tenant_id, event=str(event.id),
            definition=stored.definition, version=stored.version,
            shadow=stored.mode == "shadow",
        )  # fmt: skip
        async with slots:
            try:
                client = await self._clients(start.tenant)
                with contextlib.suppress(WorkflowAlreadyStartedError):
                    await client.start_workflow(
                        Reaction.run,
                        occasion,
                        id=reaction_id(occasion),
                        task_queue=queues.REACTIONS,
                        task_timeout=WORKFLOW_TASK,
                        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                        static_summary=f"{stored.processor} after {start.kind.name}",
                    )
            except KeysAwayError as error:
                raise OSError(f"the keys are away: {error}") from error
            except NoKeyError:
                LOST.inc()
                _log.warning("reactor.no_key", tenant=start.tenant.slug, event=str(event.id))
                return
        STARTED.inc()


def reaction_id(occasion: Occasion) -> str:
    """The name of the workflow: one for each event and version of a rule."""
    return f"{occasion.tenant}/reaction/{occasion.event}/{occasion.definition}@{occasion.version}"


def _rules(
    rules: Snapshot, event: Event, kind: EventKind, products: Mapping[str, int | None]
) -> tuple[Rule, ...]:
    product = product_of(event, parties_of(event, kind), products)
    return rules.rules(kind.name, Phase.POST, product, event.occurred_at)
