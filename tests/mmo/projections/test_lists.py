"""Lists of movements: by wallet, by who asked, and of no other tenant."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.projections.movements import movements
from mmo.projections.support.projector import Projector
from mmo.tenancy.session import scoped_session
from tests.mmo.moving import passed, sends
from tests.servers.postgres import Database
from tests.workflows.house import CLERK, TENANT, House
from workers.engine import open_engine


@pytest.fixture
async def look(opened: House, database: Database) -> AsyncGenerator[AsyncSession]:
    """As the API reads, after alice sent bob 5 and he sent her 2."""
    await sends(opened, "5")
    await sends(opened, "2", sender="bob", to="alice")
    await passed(opened.pool)
    while await Projector(opened.pool).round():
        pass
    async with (
        open_engine(database.settings("mmo_front")) as engine,
        scoped_session(engine, TENANT.id) as session,
    ):
        yield session


async def listed(look: AsyncSession, tenant: int = 1, **wanted: Any) -> list[tuple[str, int]]:
    nothing = {"wallets": None, "actor": None, "state": None, "kind": None}
    span = {"since": None, "until": None, "before": None, "limit": 50}
    found = await movements(look, tenant, **{**nothing, **span, **wanted})
    return [(one.type, one.amount_minor) for one in found]


async def test_a_wallet_shows_the_movements_it_is_in_the_newest_first(
    opened: House, look: AsyncSession
) -> None:
    bob = [opened.identifier("bob")]

    assert await listed(look, wallets=bob) == [("p2p-transfer", 200), ("p2p-transfer", 500)]
    assert await listed(look, wallets=bob, limit=1) == [("p2p-transfer", 200)]
    assert await listed(look, wallets=bob, kind="cash-in") == []
    assert await listed(look, wallets=[UUID(int=1)]) == []


async def test_whoever_asked_sees_what_was_asked_for_and_what_the_wallets_are_in(
    opened: House, look: AsyncSession
) -> None:
    everything = await listed(look)

    assert await listed(look, wallets=[], actor=CLERK.subject) == everything
    assert len(everything) == 5
    assert await listed(look, wallets=[opened.identifier("bob")], actor="nobody") == [
        ("p2p-transfer", 200), ("p2p-transfer", 500),
    ]  # fmt: skip
    assert await listed(look, wallets=[], actor="nobody") == []


async def test_another_tenants_list_is_empty_even_where_the_query_names_it(
    look: AsyncSession,
) -> None:
    assert await listed(look, tenant=2) == []
