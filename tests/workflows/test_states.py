"""A movement is told as waiting exactly while it holds money or will be tried again.

Command row, read model and event tell the same at every moment, whatever becomes of the wallets.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.commands import CommandRow
from tests.mmo.moving import rows
from tests.servers.postgres import PostgresServer
from tests.support.waiting_movements import WAITING
from tests.workflows.house import CLERK, TENANT, House, give_everybody_money, house

EXAMPLES = 8
NAMES = ("emoney-issuance", "emoney-redemption", "escrow", "payment-request", "dormancy")
HAPPENINGS = ("freeze alice", "unfreeze alice", "freeze shop", "unfreeze shop", "answer", "a day")
QUIET_S = 0.4


async def happens(
    opened: House, environment: WorkflowEnvironment, name: str, row: CommandRow, what: str
) -> None:
    verb, _, who = what.partition(" ")
    if verb == "freeze":
        await opened.changes.freeze(TENANT.id, opened.identifier(who), CLERK)
    elif verb == "unfreeze":
        await opened.changes.unfreeze(TENANT.id, opened.identifier(who), CLERK)
    elif what == "a day":
        await environment.sleep(timedelta(days=1))
    else:
        try:
            await WAITING[name].answer(opened, row)
        except Exception:  # noqa: BLE001 - it has ended, and takes no answer any more
            return


async def settled(opened: House, row: CommandRow) -> str:
    """The state once nothing changes any more for a moment."""
    state, quiet = "", 0.0
    while quiet < QUIET_S:
        kept = await opened.commands.find(row.tenant_id, row.movement_id)
        assert kept is not None
        quiet = quiet + 0.1 if kept.state == state else 0.0
        state = kept.state
        await asyncio.sleep(0.1)
    return state


async def holds_something(opened: House, row: CommandRow) -> bool:
    found = await rows(
        opened.pool,
        """SELECT FROM ledger.account WHERE instance_txn = %(txn)s AND posted <> 0
            UNION ALL SELECT FROM ledger.hold WHERE txn = %(txn)s AND state = 0""".replace(
            "%(txn)s", "%s"
        ),
        row.movement_id,
        row.movement_id,
    )
    return bool(found)


async def told_by_the_newest_event(opened: House, row: CommandRow) -> Any:
    found = await rows(
        opened.pool,
        """SELECT data ->> 'state' FROM messaging.event
            WHERE aggregate = 'movement' AND aggregate_id = %s AND data ? 'state'
            ORDER BY xid DESC, seq DESC LIMIT 1""",
        row.movement_id,
    )
    return found[0][0]


@pytest.fixture
async def operator(
    environment: WorkflowEnvironment, postgres_server: PostgresServer, tmp_path: Path
) -> AsyncGenerator[House]:
    database = postgres_server.create()
    async with (
        house(
            database.settings("mmo_background"), environment.client, tmp_path / "keys", environment
        ) as started,
        started.worker(),
    ):
        await give_everybody_money(started)
        yield started
    postgres_server.drop(database)


@given(
    name=st.sampled_from(NAMES),
    happenings=st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=5),
)
@settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@pytest.mark.timeout(300)
async def test_a_movement_waits_exactly_while_it_holds_money_or_may_be_answered(
    operator: House, environment: WorkflowEnvironment, name: str, happenings: list[str]
) -> None:
    for who in ("alice", "shop"):
        await operator.changes.unfreeze(TENANT.id, operator.identifier(who), CLERK)
    operator.ahead = await environment.get_current_time() - datetime.now(UTC)
    row = await WAITING[name].begin(operator)

    for what in happenings:
        await happens(operator, environment, name, row, what)
        state = await settled(operator, row)
        waits = state.startswith("pending")

        assert await told_by_the_newest_event(operator, row) == state, what
        if name != "payment-request":  # nothing is held of one that waits
            assert await holds_something(operator, row) == waits, (what, state)
        else:
            assert not await holds_something(operator, row)
