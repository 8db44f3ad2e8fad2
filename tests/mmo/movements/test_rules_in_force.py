"""Rules in force: read once by each process, and binding in all of them at the next movement."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from activities.movements import MovementActivities
from mmo.kernel.refusals import Refused
from mmo.ledger.postgres import configure
from mmo.movements.support.first_outcomes import FirstOutcomes
from mmo.movements.support.outcome import Outcome, Posted
from mmo.movements.support.ports import NoAnswers
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from tests.mmo.moving import asking, operator
from tests.servers.postgres import Database
from tests.workflows.house import House
from tests.workflows.ruled import put_rule, retire

TRANSFER = "wallet.transfer"


class Counted(AsyncConnection[Any]):
    """A connection that remembers what it was asked."""

    asked: ClassVar[list[str]] = []

    async def execute(self, query: Any, *arguments: Any, **more: Any) -> Any:
        self.asked.append(query.decode() if isinstance(query, bytes) else str(query))
        return await super().execute(query, *arguments, **more)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as opened:
        yield opened


@asynccontextmanager
async def second_process(database: Database) -> AsyncGenerator[MovementActivities]:
    """The activities with pool, facts and snapshots of their own."""
    dsn = database.settings("mmo_movements").dsn()
    async with AsyncConnectionPool(
        dsn, connection_class=Counted, configure=configure, min_size=1, max_size=2, open=False
    ) as pool:
        facts, writer = PostgresFacts(pool), PostgresWriter(pool)
        yield MovementActivities(facts, writer, NoAnswers(), FirstOutcomes())
        await facts.close()
        await writer.close()


async def sends(house: House, elsewhere: MovementActivities, value: str = "10") -> Outcome:
    return await elsewhere.execute(
        await asking(house, "p2p-transfer", value, sender="alice", recipient="bob")
    )


def at_most(minor: int) -> dict[str, str]:
    return {"expression": f"event.amount.minor <= {minor}"}


async def test_a_rule_binds_in_another_process_at_the_next_movement(
    house: House, database: Database
) -> None:
    async with second_process(database) as elsewhere:
        before = await sends(house, elsewhere)
        rule = await put_rule(house.pool, "expression", TRANSFER, at_most(500))
        while_in_force = await sends(house, elsewhere)
        await retire(house.pool, rule)
        after = await sends(house, elsewhere)

    assert isinstance(before, Posted)
    assert isinstance(while_in_force, Refused)
    assert while_in_force.code == "expression_refused"
    assert isinstance(after, Posted)


async def test_a_movement_reads_facts_once_and_no_rules(house: House, database: Database) -> None:
    limits = {"limits": [{"by": "wallet", "windowSeconds": 3600, "maxNumber": 1000}]}
    await put_rule(house.pool, "velocity", TRANSFER, limits)
    await put_rule(house.pool, "account-flagging", TRANSFER, {"blockedForFlags": ["SUSPECT"]})
    await put_rule(house.pool, "expression", TRANSFER, at_most(100_000))
    async with second_process(database) as elsewhere:
        await sends(house, elsewhere)
        Counted.asked.clear()
        posted = await sends(house, elsewhere)
        warm = [*Counted.asked]
        await put_rule(house.pool, "data-tables", TRANSFER, {"tables": [{"table": "kyc"}]},
                       state="shadow")  # fmt: skip
        Counted.asked.clear()
        await sends(house, elsewhere)
        changed = [*Counted.asked]

    assert isinstance(posted, Posted)
    assert {row["verdict"] for row in posted.record["rules"]} == {"allow"}
    assert len(posted.record["rules"]) == 3
    facts, post = warm
    assert "movements.facts" in facts
    assert "bep.facts" in facts
    assert "movements.post" in post
    assert sum("bep.rules" in query for query in changed) == 1
