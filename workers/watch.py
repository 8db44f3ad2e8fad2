"""The watch over the books, carried out: it looks, tells, and freezes issuance if it must."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from prometheus_client import Gauge
from psycopg_pool import AsyncConnectionPool

from mmo.books import watching
from mmo.books.watching import Finding
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from workers.loops import run_alone
from workers.wiring import open_pool

LOOK_S = 3.0
RESTS = 50.0
"""A look at all accounts is not taken again for so many times as long as it took."""
VIOLATIONS = Gauge(
    "mmo_invariant_violations", "Violations at the last look.", ["tenant", "invariant"]
)
SHORTFALL = Gauge(
    "mmo_trust_shortfall_minor", "Clients' money that is missing.", ["tenant", "currency"]
)

_log = structlog.get_logger()


class Watch:
    """Remembers how far it has looked; a fresh one looks at everything once."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], tenants: TenantRegister, *, rests: float = RESTS
    ) -> None:
        self._pool = pool
        self._tenants = tenants
        self._rests = rests
        self._seen: dict[int, int] = {}
        self._again: dict[int, float] = {}
        """Tenant → from when on all accounts are looked at again."""

    async def round(self) -> bool:
        """Look at the books of each operator."""
        for tenant in [one for one in await self._tenants.all() if one.works]:
            await self.look(tenant)
        return False

    async def look(self, tenant: Tenant) -> list[Finding]:
        """Look at one operator's books: what is wrong is told, and stops issuance if it must."""
        return [*await self._new(tenant), *await self._over(tenant)]

    async def _new(self, tenant: Tenant) -> list[Finding]:
        """What was posted since, and what the banks say."""
        async with scoped(self._pool, tenant.id) as connection:
            until = await watching.horizon(connection)
            found = await watching.look(connection, tenant.id, self._seen.get(tenant.id, 0), until)
            # What is wrong is looked at again until it is mended: it is of journals, for ever.
            sound = not any(one.violations for one in found)
            day, certificates = await watching.proofs(connection, tenant.id)
            for one in certificates:
                SHORTFALL.labels(tenant.slug, one.currency).set(one.shortfall or 0)
                if one.shortfall and await watching.freeze(connection, tenant.id, day, one):
                    _log.error(
                        "alert.trust_shortfall", tenant=tenant.slug, day=day,
                        currency=one.currency, shortfall=one.shortfall,
                    )  # fmt: skip
            missing = [one.row() | {"day": day} for one in certificates if one.shortfall]
            found.append(Finding(invariant="trust", violations=len(missing), rows=missing))
            news = await watching.tell(connection, tenant.id, found)
        _tell(tenant, found, news)
        if sound:
            self._seen[tenant.id] = until
        return found

    async def _over(self, tenant: Tenant) -> list[Finding]:
        """All accounts, where that was not done for long enough; a look that fails rests, too."""
        began = time.monotonic()
        if began < self._again.get(tenant.id, began):
            return []
        try:
            async with scoped(self._pool, tenant.id) as connection:
                found = await watching.look_over(connection, tenant.id)
                news = await watching.tell(connection, tenant.id, found)
        finally:
            ended = time.monotonic()
            self._again[tenant.id] = ended + self._rests * (ended - began)
        _tell(tenant, found, news)
        return found


def _tell(tenant: Tenant, found: Sequence[Finding], news: Sequence[Finding]) -> None:
    """Measure what was found; what is told already is not told again every few seconds."""
    for one in found:
        VIOLATIONS.labels(tenant.slug, one.invariant).set(one.violations)
    for one in news:
        if one.violations:
            _log.error("alert.invariant", tenant=tenant.slug, invariant=one.invariant,
                       violations=one.violations)  # fmt: skip


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Watch until told to stop."""
    async with open_pool(settings) as pool:
        watch = Watch(pool, TenantRegister(pool))
        await run_alone("watch", settings, stop, watch.round, pause_s=LOOK_S)
