"""A wallet's row is the fold of its events: it changes only by them, and can be folded again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from mmo.changes.refold import refold_wallets
from mmo.changes.wallets import WALLET, Changed, NewWallet
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.messaging.postgres import history_of
from mmo.wallets import postgres as wallets
from mmo.wallets.personal import Sealed
from mmo.wallets.wallet import Wallet
from tests.mmo.moving import rows, sends
from tests.workflows.house import CLERK, PEOPLE, TENANT, House

NEW = NewWallet(
    kind="customer",
    currency="KES",
    person=Sealed(msisdn="enc:v1:number", name="enc:v1:Carol", alias="c0" * 16),
    owner="carol",
)


async def read(opened: House, identifier: UUID) -> Wallet:
    async with opened.pool.connection() as connection:
        return (await wallets.find(connection, TENANT.id, {"it": identifier}))["it"]


async def test_every_row_is_its_fold(opened: House) -> None:
    bob = opened.identifier("bob")
    await opened.changes.freeze(TENANT.id, bob, CLERK)
    await opened.changes.unfreeze(TENANT.id, bob, CLERK)

    refolded = await refold_wallets(opened.pool)

    assert (refolded.rows, refolded.differences, refolded.examples) == (len(PEOPLE), 0, ())


PLANTED = {
    "state": "state = 'frozen'",
    "name": "name = 'enc:v1:Mallory'",
    "owner": "owner = 'mallory'",
    "msisdn": "msisdn = 'enc:v1:other'",
    "alias": "alias = repeat('ff', 16)",
    "version": "version = version + 1",
    "accounts": """accounts = '{"wallet": 1}'""",
    "product": "product = 7",
    "tier": "tier = 3",
    "frozen_with_party": "frozen_with_party = true",
    "flags": """flags = '[{"list": "wallet-flags", "code": "X", "since": "2026-01-01T00:00:00Z",
                          "until": null}]'""",
}


@pytest.mark.parametrize("field", PLANTED)
async def test_a_planted_row_is_named_and_mended(opened: House, field: str) -> None:
    alice = opened.identifier("alice")
    before = await read(opened, alice)
    async with opened.pool.connection() as connection:
        await connection.execute(
            f"UPDATE wallets.wallet SET {PLANTED[field]} WHERE id = %s".encode(), [alice]
        )
    assert await read(opened, alice) != before

    refolded = await refold_wallets(opened.pool)

    assert (refolded.differences, refolded.examples) == (1, (f"tenant 1, {alice}: {field}",))
    assert await read(opened, alice) == before


async def test_a_wallet_can_be_seen_as_it_was(opened: House) -> None:
    bob = opened.identifier("bob")
    was = await read(opened, bob)
    frozen = await opened.changes.freeze(TENANT.id, bob, CLERK)
    assert isinstance(frozen, Changed)
    await opened.changes.unfreeze(TENANT.id, bob, CLERK)

    async with opened.pool.connection() as connection:
        before = was.opened_at - timedelta(microseconds=1)
        assert await WALLET.as_of(connection, TENANT.id, bob, before) is None
        assert await WALLET.as_of(connection, TENANT.id, bob, was.opened_at) == was
        then = await WALLET.as_of(connection, TENANT.id, bob, frozen.wallet.changed_at)
    assert (
        then == frozen.wallet == replace(was, state="frozen", version=2, changed_at=then.changed_at)
    )


async def test_each_change_is_one_event_with_its_whole_content(opened: House) -> None:
    identifier = mint()
    await opened.changes.open(TENANT.id, identifier, NEW, CLERK)
    await opened.changes.freeze(TENANT.id, identifier, CLERK)
    await opened.changes.freeze(TENANT.id, identifier, CLERK)
    await opened.changes.close(TENANT.id, identifier, CLERK)

    async with opened.pool.connection() as connection:
        history = await history_of(connection, TENANT.id, "wallet", identifier)

    assert [(event.version, event.type) for event in history] == [
        (1, "mmo.wallet.opened.v1"),
        (2, "mmo.wallet.frozen.v1"),
        (3, "mmo.wallet.closed.v1"),
    ]
    assert history[0].data["name"] == "enc:v1:Carol"
    assert {event.actor for event in history} == {CLERK.subject}


async def test_opening_one_wallet_many_times_at_once_opens_one(opened: House) -> None:
    identifier = mint()

    answers = await asyncio.gather(
        *(opened.changes.open(TENANT.id, identifier, NEW, CLERK) for _ in range(10))
    )

    assert {answer.wallet.id for answer in answers if isinstance(answer, Changed)} == {
        str(identifier)
    }
    assert all(isinstance(answer, Changed) for answer in answers)
    events = "SELECT count(*) FROM messaging.event WHERE aggregate_id = %s"
    assert await rows(opened.pool, events, identifier) == [(1,)]


async def test_of_two_wallets_with_one_alias_one_is_opened(opened: House) -> None:
    answers = await asyncio.gather(
        *(opened.changes.open(TENANT.id, mint(), NEW, CLERK) for _ in range(4))
    )

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [answer.code for answer in refused] == ["alias_taken"] * 3


async def test_a_wallet_is_not_closed_while_money_arrives(opened: House) -> None:
    """Closing and paying at once: one of the two comes first, and no money is locked in."""
    for _ in range(5):
        carol = mint()
        await opened.open_wallet("carol", "customer", f"+2547{carol.int % 10**8:08}")
        identifier = opened.identifier("carol")
        sent, closed = await asyncio.gather(
            sends(opened, "1", to="carol"),
            opened.changes.close(TENANT.id, identifier, CLERK),
        )
        held = await opened.holds("carol")
        if isinstance(closed, Changed):
            assert (sent.outcome, held) == ("refused", 0)
        else:
            assert closed.code in {"wallet_not_empty", "wallet_in_use"}
            assert (sent.outcome, held) == ("posted", 100)
