"""Redemption against expiry: of two ends of a voucher one wins, and its escrow is empty."""

import asyncio
import contextlib
import random
from collections import Counter
from datetime import timedelta

from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from api.start import request_of
from mmo.kernel.refusals import Refused
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Posted
from mmo.movements.voucher import EXPIRE, REDEEM
from tests.workflows.house import TENANT, House
from tests.workflows.vouchers import ended, in_escrow, redeem, send_voucher

RACES = 100
AT_ONCE = 10
"""The server that skips time lets workflow tasks run out while it skips: of a hundred at once, it
has lost its own way."""


async def test_of_a_redemption_and_an_expiry_at_once_the_books_take_one(
    opened: House, environment: WorkflowEnvironment
) -> None:
    """A hundred times, without the process that would not ask for both."""
    rows = [
        await opened.accept("voucher", "1.00", sender="alice", expires_in_days=1)
        for _ in range(RACES)
    ]
    await environment.sleep(timedelta(days=1, hours=1))
    won: Counter[str] = Counter()
    for row in rows:
        asked = request_of(TENANT, row)
        await opened.activities.execute(asked)
        at_agent = {"agent": opened.wallets["agent"].id}
        await opened.prove(asked, "voucher-redemption", "redeem", at_agent)
        both = await asyncio.gather(
            opened.activities.execute(asked.then(REDEEM.number).joining(at_agent)),
            opened.activities.execute(asked.then(EXPIRE.number, because="expired")),
        )
        lost = [one for one in both if isinstance(one, Refused)]
        assert [one.code for one in lost] == ["insufficient_funds"]
        won["redeemed" if isinstance(both[0], Posted) else "expired"] += 1
        assert await in_escrow(opened, row) == 0

    assert won.total() == RACES


async def test_a_hundred_vouchers_redeemed_just_as_they_expire_end_once_each(
    opened: House, environment: WorkflowEnvironment
) -> None:
    before = await opened.holds("alice") + await opened.holds("agent")
    ends: Counter[str] = Counter()
    for _ in range(RACES // AT_ONCE):
        rows = [await send_voucher(opened, "1.00", expires_in_days=1) for _ in range(AT_ONCE)]
        await asyncio.gather(
            environment.sleep(timedelta(days=1, hours=1)),
            *(_redeemed_at_some_moment(opened, row) for row in rows),
        )
        ends.update([(await ended(opened, row))[0] for row in rows])

    assert ends.total() == RACES
    assert set(ends) <= {"posted", "refused"}
    assert await opened.holds("alice") + await opened.holds("agent") == before


async def _redeemed_at_some_moment(opened: House, row: CommandRow) -> None:
    await asyncio.sleep(random.uniform(0, 0.2))
    with contextlib.suppress(RPCError):  # it has expired, and its process is over
        await redeem(opened, row)
