"""Figures by the minute: each movement once, posted or refused for a code, with what it brought."""

from typing import Any

from mmo.projections.support.projector import Projector
from tests.mmo.movements.test_terms_in_force import FLAT, price
from tests.mmo.moving import asking, passed, rows, sends
from tests.workflows.house import House


async def counted(opened: House) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(type, refusal) → movements, value, fees and taxes, whatever the minute."""
    await passed(opened.pool)
    while await Projector(opened.pool).round():
        pass
    found = await rows(
        opened.pool,
        """SELECT type, refusal, sum(movements)::int, sum(value)::int, sum(fees)::int,
                  sum(taxes)::int FROM projections.figure_view GROUP BY type, refusal""",
    )
    return {(kind, refusal): tuple(figures) for kind, refusal, *figures in found}


async def test_what_moved_and_what_was_refused_is_counted_once(opened: House) -> None:
    await price(opened, FLAT)
    for value in ("10", "20", "99999"):
        await sends(opened, value)

    figures = await counted(opened)

    assert figures["p2p-transfer", ""] == (2, 30_00, 50_00, 10_00)
    assert figures["p2p-transfer", "insufficient_funds"] == (1, 99999_00, 0, 0)


async def test_what_was_held_counts_when_it_is_posted_or_given_back(opened: House) -> None:
    kept = await asking(opened, "p2p-transfer", "10", sender="alice", recipient="bob")
    gone = await asking(opened, "p2p-transfer", "10", sender="alice", recipient="bob")
    for request in (kept, gone):
        await opened.activities.reserve(request)
    held = await counted(opened)

    await opened.activities.settle(kept)
    await opened.activities.release(await opened.decline(gone))

    figures = await counted(opened)
    assert ("p2p-transfer", "") not in held
    assert figures["p2p-transfer", ""][:2] == (1, 10_00)
    assert figures["p2p-transfer", "declined"][:2] == (1, 10_00)


async def test_later_steps_of_a_movement_are_no_movements_of_their_own(opened: House) -> None:
    figures = await counted(opened)

    assert figures["emoney-issuance", ""][0] == 1
