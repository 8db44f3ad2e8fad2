"""Reversal, replayed."""

from mmo.movements.support.commands import CommandRow
from tests.replay.scenes import Scene
from tests.replay.story import request
from tests.replay.straight import StraightThrough
from tests.workflows.house import House

ORIGINAL = "01a20d90-aad9-74da-86e7-000000000001"
ASKED = request("reversal", original=ORIGINAL, payer="bob", payee="alice")


class TestReversal(StraightThrough):
    asked = ASKED


async def reversing(house: House, value: str = "5.00") -> CommandRow:
    """A transfer of KES 5.00 that is posted, and a reversal of it."""
    sent = await house.begin("p2p-transfer", "5.00", sender="alice", recipient="bob")
    await house.handle(sent).result()
    return await house.begin(
        "reversal", value, original=str(sent.movement_id), payer="bob", payee="alice"
    )


async def too_much(house: House) -> CommandRow:
    return await reversing(house, "5.01")


SCENES = {"posted": Scene(reversing, "posted"), "refused": Scene(too_much, "refused")}
