"""Back-tests of tariffs: revenue and tax of recorded movements, held against sums done by hand."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from mmo.trials.redeciding import Record
from mmo.trials.repricing import Repriced, read_rows, reprice, rows_of, tried
from tests.mmo.movements.test_terms_in_force import FLAT, price
from tests.mmo.moving import sends
from tests.mmo.trials.day import backtest, bank
from tests.servers.postgres import Database
from tests.workflows.house import House

Bank = tuple[House, AsyncConnectionPool[Any]]
NOTHING = {"fees": 0, "taxes": 0, "levy": 0, "commissions": 0, "withheld": 0}


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[Bank]:
    async with bank(database, tmp_path / "keys") as both:
        yield both


def tariff(*charges: dict[str, Any], movement: str = "p2p-transfer", **more: Any) -> dict[str, Any]:
    content = {"currency": "KES", "charges": list(charges), **more}
    return {"movement": movement, "currency": "KES", "product": None, "content": content}


def charge(payer: str, schedule: dict[str, Any]) -> dict[str, Any]:
    return {"name": "fee", "payer": payer, "schedule": schedule, "tax": "0.20"}


async def test_what_other_prices_would_have_brought_is_the_sum_done_by_hand(opened: Bank) -> None:
    """Then 25.00 each and a fifth of it; tried: 2 %, so 2.00, 20.00 and 0.20."""
    house, records = opened
    await price(house, FLAT)
    for value in ("100", "500", "10"):
        await sends(house, value)
    await sends(house, "99999")  # refused: it counts on neither side
    by_percent = tariff(charge("sender", {"kind": "percent", "rate": "0.02"}))

    found = await backtest(house, records, [], tariffs=[by_percent])

    assert found.result is not None
    (line,) = found.result["prices"]
    assert line == {
        "movement": "p2p-transfer", "currency": "KES", "movements": 3, "volume": 610_00,
        "old": NOTHING | {"fees": 75_00, "taxes": 15_00},
        "new": NOTHING | {"fees": 12_20, "taxes": 2_44},
        "dearer": 0, "cheaper": 3, "refused_now": 0, "refused_then": 0,
    }  # fmt: skip


async def test_what_has_no_price_by_the_new_tariff_is_counted_as_refused(opened: Bank) -> None:
    house, records = opened
    for value in ("100", "10"):
        await sends(house, value)
    on_the_receiver = tariff(charge("receiver", FLAT))

    found = await backtest(house, records, [], tariffs=[on_the_receiver])

    assert found.result is not None
    (line,) = found.result["prices"]
    assert (line["movements"], line["refused_now"]) == (2, 1)
    assert line["new"] == NOTHING | {"fees": 25_00, "taxes": 5_00}


async def test_movements_that_no_tariff_is_tried_for_are_left_out(opened: Bank) -> None:
    house, records = opened
    await sends(house, "100")

    found = await backtest(
        house, records, [], types=(), tariffs=[tariff(movement="merchant-payment")]
    )

    assert found.result is not None
    assert found.result["prices"] == []


def record(minor: int, prices: dict[str, int], refusal: str | None = None, **meta: Any) -> Record:
    told = {
        "movement": "cash-out", "amount": {"minor": minor, "currency": "KES"}, "product": None,
        "prices": {"A": minor, **prices}, "wallets": {"payer": {}, "agent": {}}, **meta,
    }  # fmt: skip
    return Record(movement="m", step=1, first=True, refusal=refusal, meta=told)


def test_commissions_go_to_those_who_could_be_paid_then() -> None:
    split = [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}]
    commission = {"schedule": {"kind": "flat", "amount": "10.00"}, "split": split,
                  "remainder": "agent"}  # fmt: skip
    tariffs = tried([tariff(movement="cash-out", commission=commission)])
    alone, both = record(1000, {}, earners=["agent"]), record(1000, {"C1": 5, "C2": 1})
    counted: dict[tuple[str, str], Repriced] = {}

    for one in (alone, both):
        reprice(one, tariffs, counted)

    assert counted["cash-out", "KES"].new.commissions == 20_00
    assert counted["cash-out", "KES"].old.commissions == 6


def test_a_movement_that_had_no_price_then_and_has_one_now_is_told() -> None:
    counted: dict[tuple[str, str], Repriced] = {}

    for refusal in ("fee_exceeds_amount", "insufficient_funds"):
        reprice(record(10, {}, refusal), tried([tariff(movement="cash-out")]), counted)

    assert counted["cash-out", "KES"] == Repriced(refused_then=1)


@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 10**4)), max_size=20))
def test_parts_put_together_are_the_whole(movements: list[tuple[int, int]]) -> None:
    tariffs = tried([tariff(charge("sender", FLAT), movement="cash-out")])
    whole: dict[tuple[str, str], Repriced] = {}
    parts: list[dict[tuple[str, str], Repriced]] = [{}, {}, {}]
    for number, (minor, fee) in enumerate(movements):
        reprice(record(minor, {"F": fee}), tariffs, whole)
        reprice(record(minor, {"F": fee}), tariffs, parts[number % 3])

    together: dict[tuple[str, str], Repriced] = {}
    for part in parts:
        for about, line in read_rows(rows_of(part)).items():
            together.setdefault(about, Repriced()).add(line)

    assert rows_of(together) == rows_of(whole)
