"""Flags: put on and taken off in one transaction with the event, the audit and the ledger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from mmo.changes.refold import refold_wallets
from mmo.changes.wallets import Changed
from mmo.kernel.refusals import Refused
from mmo.wallets.wallet import FlagWallet, UnflagWallet
from tests.mmo.changes.test_audited import records
from tests.mmo.changes.test_refold import read
from tests.mmo.moving import rows
from tests.workflows.house import CLERK, TENANT, House

SINCE = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ON = FlagWallet(
    list="wallet-flags",
    code="SUSPECT",
    reason="many small payments",
    since=SINCE,
    until=SINCE + timedelta(days=30),
    evidence="document/17",
)
OFF = UnflagWallet(list="wallet-flags", code="SUSPECT", reason="it was a market day")


async def facts_versions(opened: House, identifier: UUID) -> list[int]:
    accounts = list((await read(opened, identifier)).accounts.values())
    sql = "SELECT facts_version FROM ledger.account WHERE id = ANY (%s) ORDER BY id"
    return [version for (version,) in await rows(opened.pool, sql, accounts)]


async def test_a_flag_stands_in_row_event_and_audit_and_makes_decisions_stale(
    opened: House,
) -> None:
    alice = opened.identifier("alice")
    before = await facts_versions(opened, alice)

    on = await opened.changes.flag(TENANT.id, alice, ON, CLERK)
    again = await opened.changes.flag(TENANT.id, alice, ON, CLERK)

    assert isinstance(on, Changed)
    assert again == Changed(on.wallet, "")
    assert await read(opened, alice) == on.wallet
    assert [(f.code, f.since, f.until) for f in on.wallet.flags] == [("SUSPECT", SINCE, ON.until)]
    assert await facts_versions(opened, alice) == [version + 1 for version in before]
    told = (await records(opened, f"wallet/{alice}"))[-1]
    assert (told["action"], told["outcome"], told["reason"]) == ("wallet.flag", "done", ON.reason)
    events = "SELECT type, data ->> 'evidence' FROM messaging.event WHERE aggregate_id = %s"
    found = await rows(opened.pool, events + " ORDER BY version DESC LIMIT 1", alice)
    assert found == [("mmo.wallet.flagged.v1", "document/17")]


async def test_a_flag_is_taken_off_once(opened: House) -> None:
    alice = opened.identifier("alice")
    await opened.changes.flag(TENANT.id, alice, ON, CLERK)
    before = await facts_versions(opened, alice)

    off = await opened.changes.unflag(TENANT.id, alice, OFF, CLERK)
    again = await opened.changes.unflag(TENANT.id, alice, OFF, CLERK)

    assert isinstance(off, Changed)
    assert off.wallet.flags == ()
    assert isinstance(again, Refused)
    assert again.code == "flag_not_found"
    assert await facts_versions(opened, alice) == [version + 1 for version in before]


async def test_a_flagged_wallet_is_its_fold(opened: House) -> None:
    bob = opened.identifier("bob")
    await opened.changes.flag(TENANT.id, bob, ON, CLERK)
    await opened.changes.flag(TENANT.id, bob, replace(ON, code="LOST", until=None), CLERK)
    await opened.changes.unflag(TENANT.id, bob, OFF, CLERK)

    refolded = await refold_wallets(opened.pool)

    assert (refolded.differences, refolded.examples) == (0, ())
