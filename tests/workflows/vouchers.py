"""Vouchers in the small operator: sent to a number, and kept with their code as the API does."""

from api.start import start
from mmo.keys.envelope import Envelope
from mmo.movements.support.commands import CommandRow
from mmo.tenancy.scope import scoped
from mmo.vouchers import postgres as vouchers
from mmo.vouchers.secrets import VoucherSecrets
from tests.workflows.house import TENANT, House

NEW_NUMBER = "+254700000900"
"""Nobody's yet."""


async def send_voucher(
    house: House, value: str = "50.00", to: str = NEW_NUMBER, **more: int
) -> CommandRow:
    """Send a voucher from Alice, and wait until it is issued."""
    row = await house.accept("voucher", value, sender="alice", **more)
    secrets = VoucherSecrets(house.keys, Envelope(house.keys))
    _, kept = await secrets.made(TENANT.slug, row.movement_id, to, "KES")
    async with scoped(house.pool, TENANT.id) as connection:
        await vouchers.add(connection, TENANT.id, kept)
    await start(house.client, TENANT, row, eager=False)
    await house.outcome(row)
    return row


async def redeem(house: House, row: CommandRow, agent: str = "agent") -> None:
    """Send an agent's redemption, as the route does once it has proved the code."""
    joined = {"agent": house.wallets[agent].id}
    await house.answer(row, "voucher-redemption", "redeem", by=agent, joined=joined)


async def in_escrow(house: House, row: CommandRow) -> int:
    """What the accounts of a movement hold, in minor units."""
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT coalesce(sum(posted), 0)::bigint FROM ledger.account WHERE instance_txn = %s",
            [row.movement_id],
        )
        found = await cursor.fetchone()
    assert found is not None
    return found[0]


async def ended(house: House, row: CommandRow) -> tuple[str, str | None]:
    """State and code once it is over; its account is empty then."""
    await house.handle(row).result()
    outcome = await house.outcome(row)
    assert await in_escrow(house, row) == 0
    return outcome["state"], outcome["code"]
