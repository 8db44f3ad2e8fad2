"""Refund, replayed."""

from mmo.movements.support.commands import CommandRow
from tests.replay.scenes import Scene
from tests.replay.story import request
from tests.replay.straight import StraightThrough
from tests.workflows.house import House

ORIGINAL = "01a20d90-aad9-74da-86e7-000000000001"


class TestRefund(StraightThrough):
    asked = request("refund", original=ORIGINAL, payer="shop", payee="alice")


async def refunding(house: House, value: str = "3.00") -> CommandRow:
    """A payment of KES 5.00 that is posted, and a refund of it."""
    paid = await house.begin("merchant-payment", "5.00", customer="alice", merchant="shop")
    await house.handle(paid).result()
    return await house.begin(
        "refund", value, original=str(paid.movement_id), payer="shop", payee="alice"
    )


async def too_much(house: House) -> CommandRow:
    return await refunding(house, "5.01")


SCENES = {"posted": Scene(refunding, "posted"), "refused": Scene(too_much, "refused")}
