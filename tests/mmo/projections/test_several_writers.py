"""Several posting processes at once: statements stay those of the ledger."""

import asyncio

from activities.movements import MovementActivities
from mmo.movements.support.ports import NoAnswers
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from tests.mmo.moving import asking
from tests.mmo.projections.folding import differences
from tests.mmo.projections.test_rebuild import catch_up
from tests.workflows.house import House

WRITERS, EACH = 4, 50


async def test_what_four_processes_post_stands_in_the_statements_as_in_the_books(
    opened: House,
) -> None:
    doors = [
        MovementActivities(
            PostgresFacts(opened.pool), PostgresWriter(opened.pool), NoAnswers(), opened.first
        )
        for _ in range(WRITERS)
    ]
    sends = [
        await asking(opened, "p2p-transfer", "1", sender="alice", recipient="bob")
        for _ in range(EACH)
    ]
    cashes_in = [
        await asking(opened, "cash-in", "1", agent="agent", customer="bob") for _ in range(EACH)
    ]
    asked = [request for pair in zip(sends, cashes_in, strict=True) for request in pair]

    await asyncio.gather(*(doors[n % WRITERS].execute(one) for n, one in enumerate(asked)))
    await catch_up(opened)

    assert await differences(opened.pool) == []
