"""Transfers that wait for approval: how one is parked, and what is kept of it."""

import asyncio
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus

from mmo.movements.support.commands import CommandRow
from tests.workflows.house import House

TRANSFER = "wallet.transfer"
BANDS = "data-driven-authorisation"
LIMIT = 1000
"""From KES 10.00 on, rules of these tests ask for approval."""


async def parked(house: House, value: str = "70.00") -> CommandRow:
    row = await house.begin("p2p-transfer", value, sender="alice", recipient="bob")
    await house.outcome(row, "pending_approval")
    return row


async def ended(house: House, row: CommandRow) -> dict[str, Any]:
    """Wait for the end without letting time be skipped: a result that is awaited would."""
    running = WorkflowExecutionStatus.RUNNING
    while (await house.handle(row).describe()).status is running:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return await house.outcome(row)


async def journal(house: House, movement: UUID) -> list[tuple[int, int]]:
    """Step and kind of each row of the journal."""
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT step, kind FROM ledger.journal WHERE txn = %s ORDER BY created_at, step",
            [movement],
        )
        return await cursor.fetchall()


async def audited(house: House, movement: UUID) -> set[tuple[str, str, str | None]]:
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT actor, outcome, reason FROM audit.record WHERE object = %s",
            [f"movement/{movement}"],
        )
        return set(await cursor.fetchall())


async def told(house: House, movement: UUID) -> list[str]:
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            """SELECT type FROM messaging.event
                WHERE aggregate = 'approval' AND aggregate_id = %s ORDER BY version""",
            [movement],
        )
        return [row[0].removeprefix("mmo.approval.").removesuffix(".v1") for row in
                await cursor.fetchall()]  # fmt: skip


HELD, CAPTURED, POSTED, VOIDED, REFUSED = (1001, 1), (1, 2), (1, 0), (2001, 3), (1, 5)
"""Rows of the journal: step and kind."""
