"""Scenes of a transfer that rules ask approval for, each branch of it, under rules of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from mmo.movements.support.commands import CommandRow
from tests.replay.scenes import Scene
from tests.workflows.house import House
from tests.workflows.ruled import give_roles, over, put_rule, retire

BANDS, TRANSFER = "data-driven-authorisation", "wallet.transfer"
DAYS = timedelta(days=2)
ESCALATING = {"remindSeconds": 3600, "escalateSeconds": 7200, "escalateTo": ["director"]}
EVERYTHING = {"expression": "event.amount.minor < 1", "message": "closed for today"}


async def parked(house: House, **more: object) -> CommandRow:
    """A transfer that waits for a manager; the rule goes again, for the next scene's sake."""
    rule = await put_rule(house.pool, BANDS, TRANSFER, over(1, "manager") | more)
    for subject in ("manager-1", "manager-2"):
        await give_roles(house.pool, subject, "manager")
    row = await house.begin("p2p-transfer", "5.00", sender="alice", recipient="bob")
    await house.outcome(row, "pending_approval")
    await retire(house.pool, rule)
    return row


def decided(by: str, choice: str) -> Callable[[House], Awaitable[CommandRow]]:
    """Somebody decides."""

    async def play(house: House) -> CommandRow:
        row = await parked(house)
        await house.decide(row, by, choice)  # type: ignore[arg-type]
        return row

    return play


async def delegated(house: House) -> CommandRow:
    """Whoever stands in for the manager agrees."""
    async with house.pool.connection() as connection:
        await connection.execute(
            """INSERT INTO approvals.substitute
               VALUES (1, 'manager-1', 'deputy', now() - interval '1 day', now() + interval '1 day',
                       'manager-1') ON CONFLICT DO NOTHING"""
        )
    row = await parked(house)
    await house.decide(row, "deputy")
    return row


async def ignored(house: House) -> CommandRow:
    """The maker decides first, which counts for nothing."""
    row = await parked(house)
    await house.decide(row, "clerk")
    await house.decide(row, "manager-1")
    return row


async def resumed_under_changed_rules(house: House) -> CommandRow:
    """Meanwhile a second rule asks somebody else too."""
    row = await parked(house)
    rule = await put_rule(house.pool, BANDS, TRANSFER, over(1, "risk"))
    await give_roles(house.pool, "risk-1", "risk")
    await house.decide(row, "manager-1")
    while len((await house.handle(row).fetch_history()).events) < ASKED_AGAIN:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await retire(house.pool, rule)
    await house.decide(row, "risk-1")
    return row


ASKED_AGAIN = 30
"""Events of the history once it waits for the second time."""


async def refused_when_resumed(house: House) -> CommandRow:
    """Meanwhile a rule refuses everything."""
    row = await parked(house)
    rule = await put_rule(house.pool, "expression", TRANSFER, EVERYTHING)
    await house.decide(row, "manager-1")
    await house.outcome(row, "refused")
    await retire(house.pool, rule)
    return row


async def escalated(house: House) -> CommandRow:
    """Somebody is reminded, somebody above is asked, and nobody says anything."""
    return await parked(house, **ESCALATING)


async def expired(house: House) -> CommandRow:
    """Nobody says anything."""
    return await parked(house)


APPROVALS = {
    "approved": Scene(decided("manager-1", "approve"), "posted"),
    "rejected": Scene(decided("manager-1", "reject"), "refused"),
    "cancelled": Scene(decided("clerk", "cancel"), "refused"),
    "delegated": Scene(delegated, "posted"),
    "ignored_first": Scene(ignored, "posted"),
    "resumed_under_changed_rules": Scene(resumed_under_changed_rules, "posted"),
    "refused_when_resumed": Scene(refused_when_resumed, "refused"),
    "expired": Scene(expired, "refused", DAYS),
    "escalated": Scene(escalated, "refused", DAYS),
}
