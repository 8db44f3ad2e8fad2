"""Closed histories are kept for ever, once, before Temporal forgets them."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from temporalio.service import RPCError

from api.operations.mender import Mender
from mmo.histories import postgres as archiving
from mmo.histories.fold import fold
from mmo.histories.history import DamagedHistoryError
from mmo.histories.postgres import EXPORTED, Archive
from mmo.movements.support.commands import CommandRow
from tests.measured import measured
from tests.mmo.moving import rows
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.workflows.house import TENANT, House
from workers import history_export
from workers.history_export import Exporter
from workers.namespaces import open_namespace
from workers.wiring import TenantClients

MONTH = timedelta(days=30)
KEPT = "SELECT movement_id FROM histories.history"


async def issued(opened: House) -> CommandRow:
    row = await opened.begin(
        "emoney-issuance", "50.00", ["emoney:release"], recipient="super", bank_reference="BANK 1"
    )
    await opened.handle(row).result()
    return row


async def waiting(opened: House) -> CommandRow:
    row = await opened.begin("emoney-redemption", "10.00", holder="super")
    await opened.outcome(row, "pending_partner")
    return row


@pytest.fixture
async def forgetful(temporal_server: TemporalServer) -> TenantClients:
    """Clients of a Temporal that knows none of these workflows: as after their retention."""
    made = TenantClients(temporal_server.address, None)
    await open_namespace(await made.service(), TENANT.namespace, MONTH)
    return made


async def test_closed_ones_are_kept_once_and_running_ones_are_not(
    opened: House, clients: TenantClients
) -> None:
    async with opened.worker():
        done, runs = await issued(opened), await waiting(opened)
        exporter = Exporter(opened.pool, clients, MONTH)

        for _ in range(3):
            await exporter.round()
        assert await rows(opened.pool, KEPT) == [(done.movement_id,)]

        await opened.answer(runs, "bank-answer", "paid")
        await opened.handle(runs).result()
        await exporter.round()

    assert set(await rows(opened.pool, KEPT)) == {(done.movement_id,), (runs.movement_id,)}
    told = await rows(
        opened.pool, "SELECT aggregate_id FROM messaging.event WHERE type = %s", EXPORTED
    )
    assert sorted(told) == sorted([(done.movement_id,), (runs.movement_id,)])


async def test_the_history_of_a_run_that_was_ended_by_hand_is_not_taken_for_the_movements(
    opened: House, clients: TenantClients
) -> None:
    """It waits on, and is begun anew: the run that brings it to its end is kept."""
    async with opened.worker():
        await issued(opened)
        row = await waiting(opened)
        await opened.handle(row).terminate("by hand")
        exporter = Exporter(opened.pool, clients, MONTH)
        await exporter.round()
        before = await rows(opened.pool, f"{KEPT} WHERE movement_id = %s", row.movement_id)
        await Mender(opened.commands, opened.client, TENANT).begin_anew(row)
        await opened.answer(row, "bank-answer", "paid")
        await opened.handle(row).result()
        await exporter.round()

    assert before == []
    assert await rows(opened.pool, f"{KEPT} WHERE movement_id = %s", row.movement_id) == [
        (row.movement_id,)
    ]


async def test_what_temporal_has_forgotten_can_still_be_folded(
    opened: House, clients: TenantClients, forgetful: TenantClients
) -> None:
    async with opened.worker():
        row = await issued(opened)
    await Exporter(opened.pool, clients, MONTH).round()
    with pytest.raises(RPCError, match="not found"):
        await (await forgetful(TENANT)).get_workflow_handle(opened.handle(row).id).fetch_history()

    kept = await Archive(opened.pool).find(TENANT.id, row.movement_id)

    assert kept is not None
    told = fold(kept.history())
    assert (told.state, told.amount_minor, told.movement) == ("posted", 5000, str(row.movement_id))
    assert len(told.records) == 2


async def test_kept_ones_are_read_page_by_page_each_once_and_in_order(
    opened: House, clients: TenantClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened.worker():
        ids = [(await issued(opened)).movement_id for _ in range(4)]
    await Exporter(opened.pool, clients, MONTH).round()
    archive = Archive(opened.pool)

    for page in (1, 2, 3, 200):
        monkeypatch.setattr(archiving, "PAGE", page)
        read = [one.movement_id async for one in archive.between(TENANT.id, ids[0], ids[3])]
        since = [
            one.movement_id async for one in archive.since(TENANT.id, datetime.now(UTC) - MONTH)
        ]
        assert read == ids[:3]
        assert since == ids


async def test_what_was_forgotten_too_early_is_an_alarm_and_stops_nothing(
    opened: House, clients: TenantClients, forgetful: TenantClients
) -> None:
    async with opened.worker():
        lost = await issued(opened)
    before = measured("mmo_histories_lost_total")

    assert await Exporter(opened.pool, forgetful, MONTH).round() is False

    assert measured("mmo_histories_lost_total") == before + 1
    assert await rows(opened.pool, KEPT) == []
    await Exporter(opened.pool, clients, MONTH).round()
    assert await rows(opened.pool, KEPT) == [(lost.movement_id,)], "it is looked for again"


@pytest.mark.parametrize(
    "damage",
    [
        "content = set_byte(content, 20, (get_byte(content, 20) + 1) % 256)",
        "content = substring(content FROM 1 FOR 40)",
        "sha256 = sha256(sha256)",
    ],
)
async def test_a_damaged_row_is_noticed(
    opened: House, clients: TenantClients, database: Database, damage: str
) -> None:
    async with opened.worker():
        row = await issued(opened)
    await Exporter(opened.pool, clients, MONTH).round()
    with psycopg.connect(database.admin, autocommit=True) as administrator:
        with pytest.raises(psycopg.DatabaseError, match="append-only"):
            administrator.execute(f"UPDATE histories.history SET {damage}".encode())
        administrator.execute("ALTER TABLE histories.history DISABLE TRIGGER append_only")
        administrator.execute(f"UPDATE histories.history SET {damage}".encode())

    kept = await Archive(opened.pool).find(TENANT.id, row.movement_id)

    assert kept is not None
    with pytest.raises(DamagedHistoryError):
        kept.history()


async def test_the_lag_is_the_age_of_the_oldest_ended_one_that_is_not_kept(
    opened: House, clients: TenantClients
) -> None:
    async with opened.worker():
        await issued(opened)
        await waiting(opened)
        exporter = Exporter(opened.pool, clients, MONTH)
        await exporter.round()
        assert measured("mmo_histories_lag_seconds") > 0

        await exporter.round()

        assert measured("mmo_histories_lag_seconds") == 0, "one that waits for the bank is not late"


async def test_more_than_a_batch_is_kept_over_several_rounds(
    opened: House, clients: TenantClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_export, "BATCH_MAX", 2)
    async with opened.worker():
        done = [await issued(opened) for _ in range(5)]
    exporter = Exporter(opened.pool, clients, MONTH)

    more = [await exporter.round() for _ in range(3)]

    assert more == [True, True, False]
    assert len(await rows(opened.pool, KEPT)) == len(done)
