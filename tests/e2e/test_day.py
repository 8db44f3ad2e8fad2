"""A day in the life of a small operator, who is opened for it."""

import sys

import httpx
import psycopg
import pytest

from mmo.books.verify import INVARIANTS
from mmo.keys.envelope import Envelope
from mmo.ledger.verify import verify
from mmo.tenancy.tenant import Tenant
from tests.day import claims
from tests.day.life import Size, ended, lived, morning, told
from tests.e2e.days import door, opened
from tests.e2e.operator import Operator
from tests.e2e.town import Town
from tests.servers.hsm import keys_of
from workers.replaying import Histories, Replayed
from workers.wiring import TenantClients, open_pool

SMALL = Size(streets=3, movements=40)


@pytest.mark.case("G14")
@pytest.mark.timeout(240)
async def test_a_small_day_comes_out_to_the_cent(
    stack: Operator, above: Town, http: httpx.AsyncClient
) -> None:
    tenant = await opened(above, stack.settings(), stack.database.admin)
    streets = await morning(door(stack, tenant, http), SMALL)
    day = await ended(streets, *await lived(streets, SMALL))
    sys.stdout.write(told(day))

    claims.balances(day)
    claims.operators_own(day)
    claims.trust(day)
    with psycopg.connect(stack.database.dsn("mmo_background"), autocommit=True) as connection:
        checks = verify(connection, more=INVARIANTS)
    assert [(one.invariant.name, one.rows) for one in checks if not one.holds] == []
    assert await unequal(stack, tenant) == []


async def unequal(stack: Operator, tenant: Tenant) -> list[Replayed]:
    """Of each way to end: what does not replay, or tells something else than the books."""
    with psycopg.connect(stack.database.admin) as admin:
        rows = admin.execute(
            """SELECT min(movement_id::text)::uuid FROM movements.command WHERE tenant_id = %s
                GROUP BY type, outcome ->> 'state', outcome ->> 'code'""",
            [tenant.id],
        ).fetchall()
    assert len(rows) > len(claims.ENDINGS) // 2
    settings = stack.settings()
    async with open_pool(settings) as pool, keys_of(settings) as keys:
        histories = Histories(pool, TenantClients(settings.temporal_address, Envelope(keys)))
        return [
            one
            async for one in histories.replay(tenant, [row[0] for row in rows], compare=True)
            if one.failure or one.differences
        ]
