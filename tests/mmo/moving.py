"""Money that moves in one process, without Temporal: for the tests of what reads the feed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from psycopg_pool import AsyncConnectionPool

from api.start import request_of
from mmo.movements.support.outcome import Outcome, Request
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House, house

NO_TEMPORAL = cast("Any", None)


@asynccontextmanager
async def operator(database: Database, keys: Path) -> AsyncGenerator[House]:
    """Books in a fresh database; super-agent, agent and Alice have money, Bob has none."""
    settings = database.settings("mmo_background", database_pool_max=8)
    async with house(settings, NO_TEMPORAL, keys) as opened:
        issue = await asking(opened, "emoney-issuance", "10000", recipient="super",
                             bank_reference="BANK 1")  # fmt: skip
        await opened.activities.execute(issue)
        await opened.prove(issue, "release", "release")
        await opened.activities.execute(issue.then(2))
        await moves(opened, "float-top-up", "5000", payer="super", payee="agent")
        await moves(opened, "cash-in", "1000", agent="agent", customer="alice")
        yield opened


async def asking(opened: House, kind: str, value: str, **parties: str) -> Request:
    return request_of(TENANT, await opened.accept(kind, value, **parties))


async def moves(opened: House, kind: str, value: str, **parties: str) -> Outcome:
    return await opened.activities.execute(await asking(opened, kind, value, **parties))


async def sends(opened: House, value: str, sender: str = "alice", to: str = "bob") -> Outcome:
    return await moves(opened, "p2p-transfer", value, sender=sender, recipient=to)


async def rows(pool: AsyncConnectionPool[Any], query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(query.encode(), list(values))
        return await cursor.fetchall()


async def passed(pool: AsyncConnectionPool[Any]) -> None:
    """Wait until the feed's horizon has passed every event.

    The horizon is the cluster's: a transaction of another test's database may hold it up.
    """
    for _ in range(1000):
        ((so,),) = await rows(
            pool,
            """SELECT coalesce(max(xid) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                               true) FROM messaging.event""",
        )
        if so:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("a transaction that does not end holds the feed up")
