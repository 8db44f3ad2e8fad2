"""Tariffs and limits on real books: the ledger counts under its locks, and only what moved."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.movements.support.outcome import Outcome, Posted
from tests.mmo.moving import asking, operator, rows, sends
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House

FLAT = {"kind": "flat", "amount": "25.00"}


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


async def put(opened: House, kind: str, key: dict[str, Any], **content: Any) -> None:
    """Write terms in force; the next decision is made under them."""
    identifier = mint()
    key = {"currency": "KES", "product": None, **key}
    async with opened.pool.connection() as connection, connection.transaction():
        await connection.execute(
            """INSERT INTO dated.definition (tenant_id, id, kind, key, created_by)
               VALUES (%s, %s, %s, %s::jsonb, 'tests')""",
            [TENANT.id, identifier, kind, orjson.dumps(key).decode()],
        )
        await connection.execute(
            """INSERT INTO dated.version
               (tenant_id, definition_id, number, title, state, wanted, content, since, made_by)
               VALUES (%s, %s, 1, 'T', 'active', 'active', %s::jsonb, now() - interval '1 day',
                       'tests')""",
            [TENANT.id, identifier, orjson.dumps({"currency": "KES", **content}).decode()],
        )


async def limit(opened: House, *limits: dict[str, Any], **more: Any) -> None:
    about = {"wallet_kind": "customer", "tier": 1}
    await put(opened, "limit-profile", about, limits=list(limits), **more)


async def price(opened: House, schedule: dict[str, Any]) -> None:
    charge = {"name": "fee", "payer": "sender", "schedule": schedule, "tax": "0.20"}
    await put(opened, "tariff", {"movement": "p2p-transfer"}, charges=[charge])


def code(outcome: Outcome) -> str:
    return outcome.code if isinstance(outcome, Refused) else outcome.outcome


async def counted(opened: House) -> list[tuple[Any, ...]]:
    """The counters that count something: amount and number."""
    return await rows(opened.pool, "SELECT amount, n FROM ledger.usage WHERE n > 0 ORDER BY 1")


@pytest.mark.case("G7")
async def test_a_limit_may_be_reached_and_never_passed(opened: House) -> None:
    await limit(opened, {"direction": "out", "daily": {"value": "10.00"}})

    said = [code(await sends(opened, amount)) for amount in ("6.00", "4.01", "4.00", "0.01")]

    refused = "daily_value_limit_exceeded"
    assert said == ["posted", refused, "posted", refused]
    assert await counted(opened) == [(1_000, 2)]


@pytest.mark.parametrize("window", ["daily", "weekly", "monthly"])
async def test_so_often_and_not_once_more(opened: House, window: str) -> None:
    await limit(opened, {"direction": "out", window: {"count": 2}})

    said = [code(await sends(opened, "1.00")) for _ in range(3)]

    assert said == ["posted", "posted", f"{window}_volume_limit_exceeded"]
    assert said[2] in {
        "daily_volume_limit_exceeded", "weekly_volume_limit_exceeded",
        "monthly_volume_limit_exceeded",
    }  # fmt: skip


@pytest.mark.case("G7")
@pytest.mark.parametrize(
    ("window", "refused"),
    [
        ("weekly", "weekly_value_limit_exceeded"),
        ("monthly", "monthly_value_limit_exceeded"),
    ],
)
async def test_so_much_and_not_more(opened: House, window: str, refused: str) -> None:
    await limit(opened, {"direction": "out", window: {"value": "1.50"}})

    assert [code(await sends(opened, "1.00")) for _ in range(2)] == ["posted", refused]


@pytest.mark.case("G7")
async def test_requests_that_together_exceed_a_limit_do_not_all_pass(opened: House) -> None:
    await limit(opened, {"direction": "out", "daily": {"value": "10.00"}})

    said = await asyncio.gather(*(sends(opened, "3.00") for _ in range(12)))

    assert sorted(map(code, said)) == ["daily_value_limit_exceeded"] * 9 + ["posted"] * 3
    assert await counted(opened) == [(900, 3)]


@pytest.mark.case("G7")
async def test_a_day_ends_at_midnight_by_the_operators_own_clock(opened: House) -> None:
    await limit(opened, {"direction": "out", "daily": {"value": "10.00"}})

    said = list[str]()
    for zone in ("Pacific/Midway", "Pacific/Midway", "Pacific/Kiritimati"):  # a day apart, always
        await rows(
            opened.pool,
            "UPDATE tenancy.tenant SET timezone = %s WHERE id = %s RETURNING id",
            zone,
            TENANT.id,
        )
        said.append(code(await sends(opened, "10.00")))

    assert said == ["posted", "daily_value_limit_exceeded", "posted"]


async def test_a_wallet_never_holds_more_than_its_tier_may(opened: House) -> None:
    await limit(opened, balance="10.00")

    said = [code(await sends(opened, amount)) for amount in ("10.00", "0.01")]

    assert said == ["posted", "max_balance_exceeded"]
    assert await opened.holds("bob") == 1_000
    assert await counted(opened) == []


async def test_what_a_hold_counted_is_given_back_with_it(opened: House) -> None:
    await limit(opened, {"direction": "out", "daily": {"value": "10.00"}})
    held = await asking(opened, "p2p-transfer", "10.00", sender="alice", recipient="bob")

    await opened.activities.reserve(held)
    while_held = code(await sends(opened, "0.01"))
    await opened.activities.release(await opened.decline(held))

    assert while_held == "daily_value_limit_exceeded"
    assert code(await sends(opened, "10.00")) == "posted"


async def test_a_fee_is_paid_and_told_with_the_version_of_its_tariff(opened: House) -> None:
    before = await opened.holds("alice")
    await price(opened, FLAT)

    outcome = await sends(opened, "100.00")

    assert isinstance(outcome, Posted)
    assert outcome.prices == {"A": 10_000, "F": 2_500, "X": 500}
    assert outcome.record["tariff"]["version"] == 1
    assert await opened.holds("alice") == before - 13_000


async def test_only_so_many_are_free_however_many_ask_at_once(opened: House) -> None:
    await price(opened, {"kind": "free", "count": 3, "per": "day", "then": FLAT})

    said = await asyncio.gather(*(sends(opened, "1.00") for _ in range(8)))

    paid = [one.prices.get("F", 0) for one in said if isinstance(one, Posted)]
    assert sorted(paid) == [0, 0, 0, *[2_500] * 5]
