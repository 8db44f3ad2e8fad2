"""A small day of recorded movements under rules, and a back-test of it without Temporal."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from activities.backtests import Finding, Part, Trial
from mmo.kernel.identifiers import mint
from mmo.tenancy.scope import scoped
from mmo.trials import postgres
from mmo.trials.parts import parts_of
from mmo.trials.postgres import Backtest
from tests.mmo.moving import operator
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House
from workers.backtesting import Backtesting
from workers.roles import REPLAYER_USER
from workers.wiring import open_pool

TRANSFER = "wallet.transfer"


@asynccontextmanager
async def bank(
    database: Database, keys: Path
) -> AsyncGenerator[tuple[House, AsyncConnectionPool[Any]]]:
    """An operator whose people have money, and the pool that reads decision records alone."""
    async with (
        operator(database, keys) as opened,
        open_pool(database.settings(REPLAYER_USER)) as records,
    ):
        yield opened, records


def tried(processor: str, metadata: Any, **more: Any) -> dict[str, Any]:
    """A rule of a back-test, canonical."""
    rule = {
        "definition": str(UUID(int=7)), "version": 0, "event": TRANSFER, "phase": "pre",
        "product": None, "processor": processor, "mode": "binding", "metadata": metadata,
        "since": None, "until": None,
    }  # fmt: skip
    return rule | more


async def backtest(
    opened: House, records: AsyncConnectionPool[Any], rules: Sequence[dict[str, Any]], *,
    types: Sequence[str] = ("p2p-transfer",), parts: int | None = None,
    tariffs: Sequence[dict[str, Any]] = (),
) -> Backtest:  # fmt: skip
    """Try rules on the last hour; what came of it."""
    until = datetime.now(UTC) + timedelta(seconds=1)
    since = until - timedelta(hours=1)
    trial = Trial(tenant=TENANT.slug, tenant_id=TENANT.id, id=str(mint()))
    async with scoped(opened.pool, TENANT.id) as connection:
        await postgres.keep(
            connection, TENANT.id, UUID(trial.id), rules=rules, since=since, until=until,
            types=types, parts=parts or parts_of(since, until), by="tests", tariffs=tariffs,
        )  # fmt: skip
    steps = Backtesting(opened.pool, records, alive=lambda: None)
    numbers = range(await steps.parts(trial))
    counted = [await steps.count(Part(trial=trial, number=number)) for number in numbers]
    await steps.finish(Finding(trial=trial, parts=tuple(counted)))
    async with scoped(opened.pool, TENANT.id) as connection:
        found = await postgres.find(connection, TENANT.id, UUID(trial.id))
    assert found is not None
    return found
