"""No wallet is closed while money of it, or for it, is under way."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from mmo.changes.wallets import Changed
from mmo.kernel.refusals import Refused
from tests.servers.postgres import Database
from tests.support.waiting_movements import WAITING
from tests.workflows.house import CLERK, TENANT, House, give_everybody_money, house
from workers.wiring import TenantClients

ENDED_S = 60.0


@pytest.fixture
async def opened(
    clients: TenantClients, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background", database_pool_max=8)
    async with (
        house(settings, await clients(TENANT), tmp_path / "keys") as started,
        started.worker(),
    ):
        await give_everybody_money(started)
        yield started


@pytest.mark.parametrize("name", sorted(WAITING))
async def test_a_wallet_of_a_movement_that_waits_is_not_closed(opened: House, name: str) -> None:
    case = WAITING[name]
    row = await case.begin(opened)
    taking_part = [
        who for who, wallet in opened.wallets.items() if wallet.id in map(str, row.body.values())
    ]

    closed = [
        await opened.changes.close(TENANT.id, opened.identifier(who), CLERK) for who in taking_part
    ]
    await case.answer(opened, row)
    await asyncio.wait_for(opened.handle(row).result(), ENDED_S)
    after = [
        await opened.changes.close(TENANT.id, opened.identifier(who), CLERK) for who in taking_part
    ]

    assert taking_part
    for refused in closed:
        assert isinstance(refused, Refused)
        assert refused.code == "wallet_in_use"
        assert str(row.movement_id) in refused.reason
    for outcome in after:
        assert isinstance(outcome, Changed) or outcome.code == "wallet_not_empty"
