"""Reversals and refunds on the real ledger: whole, in pieces, too much, twice and at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from activities.movements import StaleFactsError
from mmo.kernel.refusals import Refused
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Held, Outcome, Posted, Released
from tests.mmo.moving import asking, moves, operator, rows
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House

PARALLEL = 10


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


async def sent(opened: House, value: str = "100.00") -> str:
    """Alice has sent money to Bob; the movement's id."""
    asked = await asking(opened, "p2p-transfer", value, sender="alice", recipient="bob")
    assert isinstance(await opened.activities.execute(asked), Posted)
    return asked.envelope.movement


async def reverses(opened: House, original: str, value: str = "100.00", **more: str) -> Outcome:
    named = {"payer": "bob", "payee": "alice"} | more
    return await moves(opened, "reversal", value, original=original, **named)


async def state_of(opened: House, movement: str) -> CommandRow:
    row = await opened.commands.find(TENANT.id, UUID(movement))
    assert row is not None
    assert row.outcome is not None
    assert row.outcome["state"] == row.state
    return row


async def balances(opened: House) -> list[tuple[int, int]]:
    return await rows(
        opened.pool, "SELECT account_id, posted FROM ledger.balance ORDER BY account_id"
    )


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.code


async def test_every_account_is_as_it_was_once_a_movement_is_reversed(opened: House) -> None:
    before = await balances(opened)
    movement = await sent(opened)

    outcome = await reverses(opened, movement)

    assert isinstance(outcome, Posted)
    assert await balances(opened) == before
    assert (await state_of(opened, movement)).state == "reversed"
    ((reversal,),) = await rows(opened.pool, "SELECT movement::text FROM movements.reversal")
    assert await opened.commands.taken_back_by(TENANT.id, UUID(movement)) == [reversal]


async def test_pieces_come_back_until_nothing_is_left(opened: House) -> None:
    before = await balances(opened)
    movement = await sent(opened)

    await reverses(opened, movement, "33.33")
    between = (await state_of(opened, movement)).state
    await reverses(opened, movement, "66.67")
    too_much = await reverses(opened, movement, "0.01")

    assert between == "partially_refunded"
    assert (await state_of(opened, movement)).state == "reversed"
    assert code(too_much) == "reversal_exceeds_original"
    assert await balances(opened) == before


async def test_of_ten_reversals_at_once_one_wins(opened: House) -> None:
    movement = await sent(opened)

    outcomes = await asyncio.gather(*(reverses(opened, movement) for _ in range(PARALLEL)))

    assert [isinstance(one, Posted) for one in outcomes].count(True) == 1
    refused = {one.code for one in outcomes if isinstance(one, Refused)}
    assert refused == {"reversal_exceeds_original"}
    assert await opened.holds("bob") == 0


async def test_pieces_at_once_never_add_up_to_more_than_the_whole(opened: House) -> None:
    before = await balances(opened)
    movement = await sent(opened)

    outcomes = [await _until_done(opened, movement) for _ in range(1)]
    outcomes += await asyncio.gather(*(_until_done(opened, movement) for _ in range(PARALLEL)))

    posted = [isinstance(one, Posted) for one in outcomes].count(True)
    assert posted == 3
    await reverses(opened, movement, "1.00")
    assert await balances(opened) == before


async def _until_done(opened: House, movement: str) -> Outcome:
    """As the activity's retry would: others may be quicker more often than it decides again."""
    asked = await asking(opened, "reversal", "33.00", original=movement, payer="bob", payee="alice")
    for _ in range(20):
        with suppress(StaleFactsError):
            return await opened.activities.execute(asked)
    raise AssertionError("never decided")


async def test_a_repeat_gets_the_first_answer(opened: House) -> None:
    movement = await sent(opened)
    asked = await asking(
        opened, "reversal", "100.00", original=movement, payer="bob", payee="alice"
    )

    once, twice = await opened.activities.execute(asked), await opened.activities.execute(asked)

    assert once == twice
    assert await opened.holds("bob") == 0


async def test_a_reversal_is_not_reversed(opened: House) -> None:
    asked = await asking(
        opened, "reversal", "100.00", original=await sent(opened), payer="bob", payee="alice"
    )
    await opened.activities.execute(asked)

    again = await reverses(opened, asked.envelope.movement, payer="alice", payee="bob")

    assert code(again) == "not_reversible"


async def test_what_the_bank_moved_is_not_reversed(opened: House) -> None:
    ((issuance,),) = await rows(
        opened.pool, "SELECT movement_id::text FROM movements.command WHERE type LIKE 'emoney%%'"
    )

    outcome = await moves(opened, "reversal", "1.00", original=issuance, payer="super")

    assert code(outcome) == "not_reversible"


async def test_what_has_not_been_posted_is_not_reversed(opened: House) -> None:
    asked = await asking(opened, "p2p-transfer", "99999.00", sender="alice", recipient="bob")
    await opened.activities.execute(asked)

    outcome = await reverses(opened, asked.envelope.movement)

    assert code(outcome) == "original_not_posted"


async def test_what_does_not_exist_is_not_reversed(opened: House) -> None:
    outcome = await reverses(opened, "01a20d90-aad9-74da-86e7-b88028f797b9")

    assert code(outcome) == "original_not_found"


async def test_a_receiver_who_has_spent_it_is_left_alone(opened: House) -> None:
    movement = await sent(opened)
    await moves(opened, "p2p-transfer", "60.00", sender="bob", recipient="alice")

    outcome = await reverses(opened, movement)
    part = await reverses(opened, movement, "40.00")

    assert code(outcome) == "insufficient_funds"
    assert isinstance(part, Posted)
    assert (await state_of(opened, movement)).state == "partially_refunded"


async def test_what_is_set_aside_for_a_reversal_is_claimed_and_given_back(opened: House) -> None:
    movement = await sent(opened)
    asked = await asking(opened, "reversal", "60.00", original=movement, payer="bob", payee="alice")

    held = await opened.activities.reserve(asked)
    meanwhile = await reverses(opened, movement, "50.00")
    released = await opened.activities.release(await opened.decline(asked))
    after = await reverses(opened, movement)

    assert isinstance(held, Held)
    assert code(meanwhile) == "reversal_exceeds_original"
    assert isinstance(released, Released)
    assert isinstance(after, Posted)


async def test_what_was_set_aside_is_taken_back_as_it_was_reckoned_then(opened: House) -> None:
    before = await balances(opened)
    movement = await sent(opened)
    asked = await asking(opened, "reversal", "60.00", original=movement, payer="bob", payee="alice")
    await opened.activities.reserve(asked)
    await reverses(opened, movement, "40.00")
    between = (await state_of(opened, movement)).state

    settled = await opened.activities.settle(asked)

    assert between == "partially_refunded"
    assert isinstance(settled, Posted)
    assert (await state_of(opened, movement)).state == "reversed"
    assert await balances(opened) == before


async def test_a_merchant_refunds_what_was_paid_and_nothing_else(opened: House) -> None:
    paid = await asking(opened, "merchant-payment", "100.00", customer="alice", merchant="shop")
    await opened.activities.execute(paid)
    transfer = await sent(opened)
    back = {"payer": "shop", "payee": "alice"}

    part = await moves(opened, "refund", "40.00", original=paid.envelope.movement, **back)
    rest = await reverses(opened, paid.envelope.movement, "60.00", payer="shop")
    more = await moves(opened, "refund", "1.00", original=paid.envelope.movement, **back)
    other = await moves(opened, "refund", "1.00", original=transfer, payer="shop", payee="alice")

    assert isinstance(part, Posted)
    assert isinstance(rest, Posted)
    assert code(more) == "reversal_exceeds_original"
    assert code(other) == "not_reversible"
    assert await opened.holds("shop") == 0
