"""Reversals and refunds of movements whose money moves at a later step than the first."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mmo.kernel.refusals import Refused
from mmo.movements.support.outcome import Outcome, Posted, Request
from tests.mmo.moving import asking, moves, operator, rows
from tests.servers.postgres import Database
from tests.workflows.house import House


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


async def payment_request(opened: House) -> Request:
    """Alice has paid what the shop asked for."""
    asked = await asking(opened, "payment-request", "100.00", merchant="shop", customer="alice")
    await opened.activities.execute(asked)
    await opened.prove(asked, "payment-answer", "approve")
    assert isinstance(await opened.activities.execute(asked.then(2)), Posted)
    return asked


async def escrow(opened: House) -> Request:
    """What Alice put into escrow has gone to the shop."""
    asked = await asking(opened, "escrow", "100.00", customer="alice", merchant="shop")
    assert isinstance(await opened.activities.execute(asked), Posted)
    await opened.prove(asked, "escrow-release", "release")
    assert isinstance(await opened.activities.execute(asked.then(2)), Posted)
    return asked


PAID = {"payment-request": payment_request, "escrow": escrow}
BACK = {"payer": "shop", "payee": "alice"}


def code(outcome: Outcome) -> str:
    return outcome.code if isinstance(outcome, Refused) else outcome.outcome


async def state_of(opened: House, asked: Request) -> str:
    ((state,),) = await rows(
        opened.pool, "SELECT state FROM movements.command WHERE movement_id = %s",
        asked.envelope.movement,
    )  # fmt: skip
    return state


@pytest.mark.parametrize("kind", ["reversal", "refund"])
@pytest.mark.parametrize("paid", sorted(PAID))
async def test_what_was_paid_at_a_later_step_comes_back_in_parts_and_whole(
    opened: House, paid: str, kind: str
) -> None:
    before = await opened.holds("alice")
    asked = await PAID[paid](opened)

    part = await moves(opened, kind, "40.00", original=asked.envelope.movement, **BACK)
    between = await state_of(opened, asked)
    rest = await moves(opened, kind, "60.00", original=asked.envelope.movement, **BACK)
    more = await moves(opened, kind, "0.01", original=asked.envelope.movement, **BACK)

    assert (code(part), code(rest), code(more)) == (
        "posted", "posted", "reversal_exceeds_original",
    )  # fmt: skip
    assert (between, await state_of(opened, asked)) == ("partially_refunded", "reversed")
    assert (await opened.holds("alice"), await opened.holds("shop")) == (before, 0)


@pytest.mark.parametrize("paid", sorted(PAID))
async def test_fees_may_be_kept_of_what_was_paid_at_a_later_step(opened: House, paid: str) -> None:
    asked = await PAID[paid](opened)

    back = await moves(
        opened, "reversal", "100.00", original=asked.envelope.movement, fees="kept", **BACK
    )

    assert code(back) == "posted"
    assert await opened.holds("shop") == 0


async def test_what_still_lies_in_escrow_is_not_taken_back(opened: House) -> None:
    asked = await asking(opened, "escrow", "100.00", customer="alice", merchant="shop")
    await opened.activities.execute(asked)

    outcome = await moves(opened, "reversal", "100.00", original=asked.envelope.movement, **BACK)

    assert code(outcome) == "original_not_posted"


async def test_staff_take_back_what_an_agent_was_given_for_a_voucher(opened: House) -> None:
    before = await opened.holds("alice")
    asked = await asking(opened, "voucher", "100.00", sender="alice")
    await opened.activities.execute(asked)
    joined = {"agent": opened.wallets["agent"].id}
    await opened.prove(asked, "voucher-redemption", "redeem", joined)
    redeem = asked.then(2).joining(joined)
    assert isinstance(await opened.activities.execute(redeem), Posted)

    back = await moves(
        opened, "reversal", "100.00", original=asked.envelope.movement, payer="agent",
        payee="alice",
    )  # fmt: skip

    assert code(back) == "posted"
    assert await opened.holds("alice") == before


async def test_nothing_more_comes_back_of_a_movement_whose_reversals_are_wrong(
    opened: House, database: Database
) -> None:
    paid = await asking(opened, "merchant-payment", "100.00", customer="alice", merchant="shop")
    await opened.activities.execute(paid)
    await moves(opened, "refund", "30.00", original=paid.envelope.movement, **BACK)
    with psycopg.connect(database.admin) as books:
        books.execute(
            """UPDATE movements.reversal r SET legs = (
                   SELECT jsonb_object_agg(key, value::bigint * 4) FROM jsonb_each_text(r.legs))"""
        )

    more = await moves(opened, "refund", "30.00", original=paid.envelope.movement, **BACK)

    assert code(more) == "original_unsound"


async def test_the_books_take_no_reversal_that_returns_more_than_moved(
    opened: House, database: Database
) -> None:
    """Whatever decided it: here the facts count each leg twice."""
    paid = await asking(opened, "merchant-payment", "100.00", customer="alice", merchant="shop")
    await opened.activities.execute(paid)
    await moves(opened, "merchant-payment", "200.00", customer="alice", merchant="shop")
    with psycopg.connect(database.admin) as books:
        count_each_leg_twice(books)

    with pytest.raises(psycopg.Error, match="more of movement"):
        await moves(opened, "refund", "100.00", original=paid.envelope.movement, **BACK)

    assert await opened.holds("shop") == 30_000


def count_each_leg_twice(books: psycopg.Connection[Any]) -> None:
    row = books.execute("SELECT pg_get_functiondef('movements.originals'::regproc)").fetchone()
    assert row is not None
    doubled = row[0].replace("sum(l.amount)::bigint AS", "2 * sum(l.amount)::bigint AS")
    assert doubled != row[0]
    books.execute(doubled.encode())
