"""Movements that wait, on a server that skips time: weeks pass in seconds."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows.house import CLERK, TENANT, House

MONTH = timedelta(days=31)
IN_TRUST = 1_300_000
"""What was issued, and what pools were funded with."""


async def test_issued_emoney_that_nobody_releases_goes_back_after_a_month(
    opened: House, environment: WorkflowEnvironment
) -> None:
    row = await opened.begin("emoney-issuance", "70.00", recipient="super", bank_reference="BANK 2")
    await opened.outcome(row, "pending_approval")
    before = await opened.holds("super")

    await environment.sleep(MONTH)
    await opened.handle(row).result()

    outcome = await opened.outcome(row)
    assert (outcome["state"], outcome["code"]) == ("refused", "expired")
    assert await opened.holds("super") == before
    assert await _trust(opened) == -IN_TRUST


async def test_a_redemption_waits_for_the_bank_however_long_it_takes(
    opened: House, environment: WorkflowEnvironment
) -> None:
    row = await opened.begin("emoney-redemption", "70.00", holder="super")
    await opened.outcome(row, "pending_partner")

    await environment.sleep(2 * MONTH)
    still = await opened.outcome(row)
    await opened.answer(row, "bank-answer", "paid")
    await opened.handle(row).result()

    assert still["state"] == "pending_partner"
    assert (await opened.outcome(row))["state"] == "posted"
    assert await _trust(opened) == -IN_TRUST + 7_000


async def test_money_that_cannot_be_given_back_is_tried_again_until_it_can(
    opened: House, environment: WorkflowEnvironment
) -> None:
    row = await opened.begin("emoney-redemption", "70.00", holder="super")
    await opened.outcome(row, "pending_partner")
    before = await opened.holds("super")
    await opened.changes.freeze(TENANT.id, opened.identifier("super"), CLERK)

    await opened.answer(row, "bank-answer", "not_paid")
    await environment.sleep(timedelta(hours=5))
    frozen = await opened.holds("super")
    await opened.changes.unfreeze(TENANT.id, opened.identifier("super"), CLERK)
    await environment.sleep(timedelta(hours=2))
    await opened.handle(row).result()

    outcome = await opened.outcome(row)
    assert frozen == before
    assert (outcome["state"], outcome["code"]) == ("refused", "returned_by_bank")
    assert await opened.holds("super") == before + 7_000


NOT_GENUINE = {
    "of the maker": {"by": "clerk"},
    "about another request": {"about": "0" * 64},
    "no token at all": {"document": "yes, release it"},
}


@pytest.mark.parametrize("changes", NOT_GENUINE.values(), ids=NOT_GENUINE.keys())
@pytest.mark.case("I3")
async def test_a_document_that_proves_nothing_leaves_the_movement_waiting(
    opened: House, changes: dict[str, str]
) -> None:
    row = await opened.begin("emoney-issuance", "70.00", recipient="super", bank_reference="BANK 3")
    await opened.outcome(row, "pending_approval")
    before = await opened.holds("super")

    await opened.answer(row, "release", "release", **changes)
    await opened.answer(row, "bank-answer", "paid")
    await opened.answer(row, "release", "release")
    await opened.handle(row).result()

    assert (await opened.outcome(row))["state"] == "posted"
    assert await opened.holds("super") == before + 7_000


async def _trust(opened: House) -> int:
    async with opened.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT posted FROM ledger.balance WHERE code = 'TRUST_BANK'"
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0]
