"""Every kind of movement that waits: how it is brought to wait, answered, and how it then ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mmo.movements.support.commands import CommandRow
from tests.mmo.moving import rows
from tests.workflows.house import House
from tests.workflows.parked import BANDS, LIMIT, TRANSFER, parked
from tests.workflows.ruled import give_roles, over, put_rule
from tests.workflows.vouchers import redeem, send_voucher

OWED_MINOR, COLLECTED_S = 6_000, 30


@dataclass(frozen=True, slots=True)
class WaitingMovement:
    """`begin` answers once it waits; after `answer` it ends in the state."""

    begin: Callable[[House], Awaitable[CommandRow]]
    answer: Callable[[House, CommandRow], Awaitable[None]]
    state: str
    code: str | None = None


async def _pending(house: House, kind: str, value: str = "10.00", **parties: str) -> CommandRow:
    row = await house.begin(kind, value, **parties)
    outcome = await house.outcome(row)
    assert outcome["state"].startswith("pending"), outcome
    return row


async def _issuance(house: House) -> CommandRow:
    return await _pending(house, "emoney-issuance", recipient="super", bank_reference="BANK W")


async def _redemption(house: House) -> CommandRow:
    return await _pending(house, "emoney-redemption", holder="super")


async def _escrow(house: House) -> CommandRow:
    return await _pending(house, "escrow", customer="alice", merchant="shop")


async def _payment_request(house: House) -> CommandRow:
    return await _pending(
        house, "payment-request", merchant="shop", customer="alice", expires_in_s=3600
    )


async def _dormancy(house: House) -> CommandRow:
    return await _pending(house, "dormancy", customer="alice")


async def _transfer(house: House) -> CommandRow:
    await put_rule(house.pool, BANDS, TRANSFER, over(LIMIT, "manager"))
    await give_roles(house.pool, "manager-1", "manager")
    return await parked(house)


async def _lien(house: House) -> CommandRow:
    """A reversal of what Bob has spent, which waits for money on his wallet."""
    sent = await house.begin("p2p-transfer", "100.00", sender="alice", recipient="bob")
    await house.outcome(sent)
    back = await house.begin("p2p-transfer", "60.00", sender="bob", recipient="alice")
    await house.outcome(back)
    row = await house.begin(
        "reversal", "100.00", original=str(sent.movement_id), payer="bob", payee="alice",
        if_short="lien",
    )  # fmt: skip
    await house.outcome(row, "pending_partner")
    async with asyncio.timeout(COLLECTED_S):
        while await _owed(house, row) != OWED_MINOR:  # noqa: ASYNC110 - the process collects first
            await asyncio.sleep(0.05)
    return row


async def _owed(house: House, row: CommandRow) -> int | None:
    """What Bob still owes to the reversal, in minor units."""
    found = await rows(
        house.pool, 'SELECT "left" FROM movements.lien WHERE movement = %s', row.movement_id
    )
    return found[0][0] if found else None


async def _credit(house: House, row: CommandRow) -> None:
    paid = await house.begin("p2p-transfer", "60.00", sender="alice", recipient="bob")
    assert (await house.outcome(paid))["state"] == "posted"
    await house.handle(row).signal("wake", "mmo.wallet.credited.v1")


def _answering(name: str, choice: str, by: str) -> Callable[[House, CommandRow], Awaitable[None]]:
    async def answer(house: House, row: CommandRow) -> None:
        await house.answer(row, name, choice, by=by)

    return answer


async def _decide(house: House, row: CommandRow) -> None:
    await house.decide(row, "manager-1")


WAITING = {
    "emoney-issuance": WaitingMovement(
        _issuance, _answering("release", "release", "checker"), "posted"
    ),
    "emoney-redemption": WaitingMovement(
        _redemption, _answering("bank-answer", "paid", "checker"), "posted"
    ),
    "escrow": WaitingMovement(_escrow, _answering("escrow-release", "release", "alice"), "posted"),
    "voucher": WaitingMovement(send_voucher, redeem, "posted"),
    "payment-request": WaitingMovement(
        _payment_request, _answering("payment-answer", "approve", "alice"), "posted"
    ),
    "dormancy": WaitingMovement(
        _dormancy, _answering("unclaimed-answer", "reclaim", "checker"), "refused", "reclaimed"
    ),
    "p2p-transfer": WaitingMovement(_transfer, _decide, "posted"),
    "reversal": WaitingMovement(_lien, _credit, "posted"),
}
"""By the movement's name: every one of the catalogue whose process waits; any waits for approval
as the transfer does."""
