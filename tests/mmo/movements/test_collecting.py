"""Collecting for a lien on real books: what the receiver spends meanwhile refuses nothing."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from activities.movements import MovementActivities
from mmo.movements.reversal import COLLECT
from mmo.movements.support.decide import Draft
from mmo.movements.support.outcome import Held, Posted
from mmo.movements.support.ports import NoAnswers, NobodyWaits
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from tests.mmo.moving import asking, operator, sends
from tests.servers.postgres import Database
from tests.workflows.house import House


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


class SpentBefore(PostgresWriter):
    """Between the facts and the posting, once, the receiver spends half of what was seen."""

    def __init__(self, opened: House) -> None:
        super().__init__(opened.pool)
        self._opened, self._spent = opened, False

    async def post(self, draft: Draft) -> Any:
        if not self._spent:
            self._spent = True
            assert isinstance(await sends(self._opened, "3.00", "bob", "alice"), Posted)
        return await super().post(draft)


async def test_a_piece_is_decided_again_by_what_is_left_when_money_was_spent_meanwhile(
    opened: House,
) -> None:
    original = await asking(opened, "p2p-transfer", "10.00", sender="alice", recipient="bob")
    assert isinstance(await opened.activities.execute(original), Posted)
    await sends(opened, "4.00", "bob", "alice")
    request = await asking(
        opened, "reversal", "10.00", original=original.envelope.movement,
        payer="bob", payee="alice", if_short="lien",
    )  # fmt: skip
    assert isinstance(await opened.activities.execute(request), Held)
    doors = MovementActivities(
        PostgresFacts(opened.pool), SpentBefore(opened), NoAnswers(), NobodyWaits()
    )

    collected = await doors.execute(request.then(COLLECT.number))

    assert isinstance(collected, Posted), collected
    assert collected.prices == {"A": 3_00}
    assert await opened.holds("bob") == 0
