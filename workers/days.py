"""The end of day carried out: its steps, and the loop that begins what is to be closed."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.days import ClosingDay
from mmo.books import postgres
from mmo.books.deriving import Derivation, derived
from mmo.books.postgres import Day, TrialLine
from mmo.books.reporting import reports
from mmo.kernel.identifiers import named_at
from mmo.ledger.ports import Postings
from mmo.ledger.posting import Kind, Leg, Posting
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from workers.loops import run_alone
from workers.wiring import (
    TenantClients,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)
from workflows.processes.end_of_day import EndOfDay
from workflows.support import queues
from workflows.support.limits import WORKFLOW_TASK

LOOK_S = 1.0
"""How often the loop looks for days that are over, or cut off and not being closed."""
SETTLE_S, SETTLE_TRIES = 0.2, 100
STATEMENT_S = 1_800
"""Of one statement about a day; the step that it is part of has an hour."""
DERIVED_STEP = 0
"""The step of a derived journal: movements begin with 1."""
BY_THE_CLOCK = "the clock"
"""Who cut a day off, where nobody asked."""


class NotSettledError(Exception):
    """A transaction that began before the cut-off has not ended yet."""


class UnbalancedError(Exception):
    """The day's debits and credits do not cancel out: it is not closed."""


class Days:
    """The steps of the end of day."""

    def __init__(self, pool: AsyncConnectionPool[Any], postings: Postings) -> None:
        self._pool = pool
        self._postings = postings

    async def settle(self, day: ClosingDay) -> None:
        """Wait until what was under way at the cut-off has ended. Raises NotSettledError."""
        for _ in range(SETTLE_TRIES):
            async with scoped(self._pool, day.tenant_id) as connection:
                if await postgres.settled(connection, await _day(connection, day)):
                    return
            await asyncio.sleep(SETTLE_S)
        raise NotSettledError(f"something of {day.date} is still under way")

    async def derive(self, day: ClosingDay) -> int:
        """Post what the day is recognised as; each journal once, whoever repeats it."""
        async with _at_leisure(self._pool, day.tenant_id) as connection:
            found = await _day(connection, day)
            moved = await postgres.moved(connection, day.tenant_id, found.business_date)
            chart = await postgres.chart(connection, day.tenant_id)
        journals = list(derived(moved))
        for one in journals:
            await self._postings.post(_posting(day, found, one, chart))
        return len(journals)

    async def balance(self, day: ClosingDay) -> str:
        """Write the trial balance down; its totals in words. Raises UnbalancedError."""
        async with _at_leisure(self._pool, day.tenant_id) as connection:
            found = await _day(connection, day)
            await postgres.balance(connection, day.tenant_id, found.business_date)
            lines = await postgres.trial_balance(connection, day.tenant_id, found.business_date)
        return totals(lines)

    async def report(self, day: ClosingDay) -> int:
        """Keep the day's reports."""
        when = date.fromisoformat(day.date)
        for one in reports().values():
            async with _at_leisure(self._pool, day.tenant_id) as connection:
                content = await one.write(connection, day.tenant_id, when)
                await postgres.keep_report(connection, day.tenant_id, when, one.name, content)
        return len(reports())

    async def close(self, day: ClosingDay) -> str:
        """Seal and close the day; its hash, in hexadecimal."""
        when = date.fromisoformat(day.date)
        async with _at_leisure(self._pool, day.tenant_id) as connection:
            await postgres.seal(connection, day.tenant_id, when)
            await postgres.close(connection, day.tenant_id, when)
            sealed = await _day(connection, day)
        assert sealed.hash is not None
        return sealed.hash.hex()


@asynccontextmanager
async def _at_leisure(
    pool: AsyncConnectionPool[Any], tenant: int
) -> AsyncGenerator[AsyncConnection[Any]]:
    """A tenant's transaction: statements about a whole day take longer than posting may."""
    async with scoped(pool, tenant) as connection:
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_S}s'".encode())
        yield connection


def totals(lines: list[TrialLine]) -> str:
    """Debits of each book and currency, in minor units. Raises UnbalancedError."""
    said = dict[str, int]()
    for unit in sorted({(line.book, line.currency) for line in lines}):
        of_unit = [line for line in lines if (line.book, line.currency) == unit]
        debits = sum(line.debits for line in of_unit)
        if debits != sum(line.credits for line in of_unit) or sum(one.closing for one in of_unit):
            raise UnbalancedError(f"book {unit[0]} in {unit[1]}")
        said[f"{unit[0]}/{unit[1]}"] = debits
    return ", ".join(f"{unit} {debits}" for unit, debits in said.items()) or "nothing moved"


def _posting(
    day: ClosingDay, found: Day, one: Derivation, chart: dict[tuple[str, str], int]
) -> Posting:
    name = f"{day.tenant_id}/{day.date}/{one.name}"
    legs = [
        Leg(account=chart[code, one.currency], amount=amount, role=_role(one, code))
        for code, amount in one.legs().items()
    ]
    return Posting(
        tenant_id=day.tenant_id,
        txn=named_at(found.cut_at, name),
        step=DERIVED_STEP,
        kind=Kind.POST,
        code=one.mirror.name,
        fingerprint=sha256(f"{name}/{one.amount}".encode()).digest(),
        effective_at=found.cut_at,
        business_date=found.business_date,
        legs=tuple(legs),
        meta={"derived_of": one.movement, "business_date": day.date},
    )


def _role(one: Derivation, code: str) -> str:
    """The account as the journal names it; what it is recognised as, by type of movement."""
    return f"{code}.{one.movement}" if code == one.mirror.recognised_as else code


async def _day(connection: Any, day: ClosingDay) -> Day:
    found = await postgres.find(connection, day.tenant_id, date.fromisoformat(day.date))
    assert found is not None, "it was cut off before its end began"
    return found


def workflow_id(tenant: str, day: date) -> str:
    """The name of a day's end."""
    return f"{tenant}/end-of-day/{day}"


async def start(client: Client, tenant: Tenant, day: date) -> None:
    """Start the end of a day. Safe to repeat; one that was ended by hand is begun again."""
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            EndOfDay.run,
            ClosingDay(tenant=tenant.slug, tenant_id=tenant.id, date=day.isoformat()),
            id=workflow_id(tenant.slug, day),
            task_queue=queues.BULK,
            task_timeout=WORKFLOW_TASK,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"End of day {day}",
        )


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Close the days of all operators: those that were cut off, and those that are over."""
    async with open_pool(settings) as pool, open_trust(settings) as trust:
        clients = tenant_clients(settings, open_envelope(key_store(settings), trust))
        work = partial(look, pool, TenantRegister(pool), clients)
        await run_alone("days", settings, stop, work, pause_s=LOOK_S)


async def look(
    pool: AsyncConnectionPool[Any], tenants: TenantRegister, clients: TenantClients
) -> bool:
    """Look at each operator's day once. The books of one that never closed a day have no end."""
    for tenant in [one for one in await tenants.all() if one.works]:
        async with scoped(pool, tenant.id) as connection:
            day = await postgres.closing(connection, tenant.id)
            if day is None and await postgres.overdue(connection, tenant.id):
                day = await postgres.cut_off(connection, tenant.id, BY_THE_CLOCK)
        if day is not None:
            await start(await clients(tenant), tenant, day)
    return False
