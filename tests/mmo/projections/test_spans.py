"""Spans of a statement: they open where the line before closed, and show what was borne."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.movements.support.outcome import Posted
from mmo.projections.statements import Line, balance_before, between
from mmo.projections.support.projector import Projector
from mmo.tenancy.session import scoped_session
from tests.mmo.movements.test_terms_in_force import FLAT, price, put
from tests.mmo.moving import moves, passed, sends
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House
from workers.engine import open_engine

LONG_AGO, FAR = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DISCOUNT = {"name": "discount", "payer": "receiver", "tax": "0.20",
            "schedule": {"kind": "percent", "rate": "0.01"}}  # fmt: skip


@pytest.fixture
async def look(opened: House, database: Database) -> AsyncGenerator[AsyncSession]:
    """Alice had 1,000.00, sent 100.00 at a fee of 25.00 and 20 % tax, and paid the shop 200.00."""
    await price(opened, FLAT)
    await put(opened, "tariff", {"movement": "merchant-payment"}, charges=[DISCOUNT])
    assert isinstance(await sends(opened, "100"), Posted)
    paid = await moves(opened, "merchant-payment", "200", customer="alice", merchant="shop")
    assert isinstance(paid, Posted)
    await passed(opened.pool)
    while await Projector(opened.pool).round():
        pass
    async with (
        open_engine(database.settings("mmo_front")) as engine,
        scoped_session(engine, TENANT.id) as session,
    ):
        yield session


async def of(
    opened: House, look: AsyncSession, name: str, since: datetime = LONG_AGO,
    until: datetime = FAR, limit: int = 100, tenant: int = TENANT.id,
) -> list[Line]:  # fmt: skip
    account = opened.wallets[name].accounts["wallet"]
    return list(await between(look, tenant, account, since, until, limit))


async def test_each_line_shows_what_the_holder_bore_and_the_balance_after_it(
    opened: House, look: AsyncSession
) -> None:
    told = {
        name: [
            (one.type, one.amount, one.fee, one.tax, one.balance)
            for one in await of(opened, look, name)
        ]
        for name in ("alice", "bob", "shop")
    }

    assert told["alice"] == [
        ("cash-in", 1000_00, 0, 0, 1000_00),
        ("p2p-transfer", -130_00, 25_00, 5_00, 870_00),
        ("merchant-payment", -200_00, 0, 0, 670_00),
    ]
    assert told["bob"] == [("p2p-transfer", 100_00, 0, 0, 100_00)]
    assert told["shop"] == [("merchant-payment", 197_60, 2_00, 40, 197_60)]


async def test_a_span_begins_and_ends_where_it_says(opened: House, look: AsyncSession) -> None:
    came, sent, paid = await of(opened, look, "alice")
    account = opened.wallets["alice"].accounts["wallet"]

    between_them = await of(opened, look, "alice", sent.at, paid.at)
    after = await of(opened, look, "alice", paid.at + timedelta(seconds=1))

    assert between_them == [sent]
    assert after == []
    assert await balance_before(look, TENANT.id, account, sent.at) == came.balance
    assert await balance_before(look, TENANT.id, account, came.at) == 0
    assert await balance_before(look, TENANT.id, account, FAR) == paid.balance


async def test_a_span_is_cut_at_its_limit_and_is_of_no_other_tenant(
    opened: House, look: AsyncSession
) -> None:
    assert len(await of(opened, look, "alice", limit=2)) == 2
    assert await of(opened, look, "alice", tenant=2) == []


async def test_lines_that_were_posted_at_once_stay_in_the_order_of_their_balances(
    opened: House, look: AsyncSession, database: Database
) -> None:
    _, sent, paid = await of(opened, look, "alice")
    with psycopg.connect(database.admin) as books:  # the later one tells the earlier moment
        for line, at in ((sent, paid.at), (paid, sent.at)):
            books.execute(
                "UPDATE projections.statement_view SET at = %s WHERE journal = %s",
                [at, int(line.reference)],
            )

    told = await of(opened, look, "alice", sent.at, paid.at + timedelta(microseconds=1))

    assert [one.balance for one in told] == [870_00, 670_00]
