"""A tenant that was asked for is there, whole and once, whatever dies on the way."""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from mmo.identity.secret import digest
from mmo.ledger.chart import OPENED
from mmo.settings import Settings
from mmo.tenancy import onboarding
from mmo.tenancy.onboarding import MACHINE, NewTenant
from mmo.tenancy.scope import scoped
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer, temporal_of
from tests.workflows import dying_onboarding
from tests.workflows.dying_onboarding import STEPS, files
from workers import onboarding as worker
from workers.onboarding import onboarding_worker, opened, start, workflow_id
from workers.wiring import connect, open_pool

OPEN_S = 120.0
CODE = "a one-time code"


def new_tenant(slug: str | None = None) -> NewTenant:
    return NewTenant(
        slug=slug or f"t-{secrets.token_hex(4)}", name="Savanna Money", timezone="Africa/Nairobi",
        currencies=("KES", "UGX"), country="KE", administrator="amina",
        administrator_name="Amina", invitation=digest(CODE),
        console="https://console.example/back",
    )  # fmt: skip


@pytest.fixture(scope="module")
def own_temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """Of all operators there is one namespace of the platform: on the run's server the process
    `keys` of another stack would take these tests' tasks, and they its."""
    with temporal_of(tmp_path_factory.mktemp("platform")) as server:
        yield server


@pytest.fixture
def settings(database: Database, own_temporal: TemporalServer, tmp_path: Path) -> Settings:
    return database.settings(
        "mmo_keys", temporal_address=own_temporal.address, env="dev", home=tmp_path
    )


async def asked_for(database: Database, new: NewTenant) -> bool:
    async with (
        open_pool(database.settings("mmo_front")) as pool,
        scoped(pool, MACHINE) as connection,
    ):
        return await onboarding.ask(connection, MACHINE, new, "super/amina")


def seen(database: Database, slug: str) -> dict[str, Any]:
    """Everything that a tenant consists of, counted."""
    with psycopg.connect(database.admin) as admin:
        row = admin.execute(
            """SELECT t.state, t.version,
                      (SELECT count(*) FROM tenancy.tenant o WHERE o.slug = t.slug),
                      (SELECT count(*) FROM identity.policy WHERE tenant_id = t.id),
                      (SELECT count(*) FROM identity.role WHERE tenant_id = t.id),
                      (SELECT count(*) FROM identity.user_account WHERE tenant_id = t.id),
                      (SELECT count(*) FROM identity.role_grant
                        WHERE tenant_id = t.id AND state = 'active' AND role_id = 1),
                      (SELECT count(*) FROM identity.client WHERE tenant_id = t.id),
                      (SELECT count(*) FROM movements.chart WHERE tenant_id = t.id),
                      (SELECT count(*) FROM ledger.account WHERE tenant_id = t.id),
                      (SELECT count(*) FROM audit.record
                        WHERE tenant_id = t.id AND action = 'tenant.opened'),
                      (SELECT count(*) FROM tenancy.onboarding
                        WHERE slug = t.slug AND done_at IS NOT NULL)
                 FROM tenancy.tenant t WHERE t.slug = %s""",
            [slug],
        ).fetchone()
    names = ("state", "version", "rows", "policies", "roles", "users", "grants", "clients",
             "chart", "accounts", "records", "done")  # fmt: skip
    return dict(zip(names, row or (), strict=bool(row)))


WHOLE = {
    "state": "active", "version": 2, "rows": 1, "policies": 1, "roles": 7, "users": 1, "grants": 1,
    "clients": 2, "chart": 2 * len(OPENED), "accounts": 2 * len(OPENED), "records": 1, "done": 1,
}  # fmt: skip


async def until_open(database: Database, slug: str) -> None:
    deadline = time.monotonic() + OPEN_S
    while seen(database, slug).get("done") != 1:
        assert time.monotonic() < deadline, seen(database, slug)
        await asyncio.sleep(0.1)


class FailsOnce:
    """The real steps, some of which fail once after they were carried out."""

    def __init__(self, steps: worker.Steps, failing: Sequence[str]) -> None:
        self._steps = steps
        self._left = set(failing)
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Callable[[str], Awaitable[None]]:
        async def step(slug: str) -> None:
            self.called.append(name)
            await getattr(self._steps, name)(slug)
            if name in self._left:
                self._left.remove(name)
                raise OSError("the connection broke after the commit")

        return step


@asynccontextmanager
async def onboarder(
    settings: Settings, failing: Sequence[str] = ()
) -> AsyncGenerator[tuple[Client, FailsOnce]]:
    async with opened(settings, files(settings)) as (_, client, steps):
        failing_steps = FailsOnce(steps, failing)
        async with onboarding_worker(client, failing_steps):
            yield client, failing_steps


@pytest.mark.long
async def test_steps_that_failed_after_their_commit_are_repeated_and_change_nothing(
    database: Database, settings: Settings
) -> None:
    new = new_tenant()
    assert await asked_for(database, new)
    async with onboarder(settings, STEPS) as (client, steps):
        await start(client, new.slug)
        await client.get_workflow_handle(workflow_id(new.slug)).result()

    assert steps.called == [step for step in STEPS for _ in range(2)]
    assert seen(database, new.slug) == WHOLE
    assert (settings.home / "keys" / new.slug).exists()


async def test_started_many_times_it_is_opened_once(database: Database, settings: Settings) -> None:
    new = new_tenant()
    assert await asked_for(database, new)
    assert not await asked_for(database, new)
    async with onboarder(settings) as (client, steps):
        await asyncio.gather(*(start(client, new.slug) for _ in range(10)))
        await client.get_workflow_handle(workflow_id(new.slug)).result()
        await start(client, new.slug)

    assert steps.called == list(STEPS)
    assert seen(database, new.slug) == WHOLE


async def test_what_is_asked_for_while_nobody_works_is_opened_later(
    database: Database, settings: Settings
) -> None:
    first, second = new_tenant(), new_tenant()
    for new in (first, second):
        assert await asked_for(database, new)
    stop = asyncio.Event()
    working = asyncio.ensure_future(worker.onboard(settings, files(settings), stop))
    for new in (first, second):
        await until_open(database, new.slug)
    stop.set()
    await working

    assert seen(database, first.slug) == seen(database, second.slug) == WHOLE
    with psycopg.connect(database.admin) as admin:
        numbers = admin.execute("SELECT id FROM tenancy.tenant ORDER BY id").fetchall()
    assert numbers == [(1,), (2,)]


async def test_the_history_tells_nobodys_name_and_no_code(
    database: Database, settings: Settings
) -> None:
    new = new_tenant()
    assert await asked_for(database, new)
    async with onboarder(settings) as (client, _):
        await start(client, new.slug)
        handle = client.get_workflow_handle(workflow_id(new.slug))
        await handle.result()
        history = (await handle.fetch_history()).to_json()

    assert new.slug in history
    for secret in (new.administrator, new.administrator_name, new.invitation.hex(), CODE):
        assert secret not in history


@pytest.mark.long
async def test_a_worker_killed_in_its_steps_leaves_a_tenant_that_is_whole_and_there_once(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    new = new_tenant()
    assert await asked_for(database, new)
    dead: list[str] = []
    for step in (*STEPS, ""):
        ran = await run_until_dead(settings, tmp_path, new.slug, step)
        dead.append(ran)

    assert dead == [*(f"killed in {step}" for step in STEPS), "done"]
    assert seen(database, new.slug) == WHOLE
    client = Client(await connect(settings.temporal_address), namespace=worker.NAMESPACE)
    told = await client.get_workflow_handle(workflow_id(new.slug)).describe()
    assert told.status is WorkflowExecutionStatus.COMPLETED


async def run_until_dead(settings: Settings, folder: Path, slug: str, step: str) -> str:
    """A worker in a process of its own, which dies after the commit of a step."""
    environment = {
        **os.environ,
        "MMO_DATABASE_HOST": settings.database_host,
        "MMO_DATABASE_PORT": str(settings.database_port),
        "MMO_DATABASE_NAME": settings.database_name,
        "MMO_DATABASE_USER": settings.database_user,
        "MMO_DATABASE_PASSWORD": settings.database_password.get_secret_value(),
        "MMO_TEMPORAL_ADDRESS": settings.temporal_address,
        "MMO_ENV": "dev",
        "MMO_HOME": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", dying_onboarding.__name__, slug, step,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, log = await asyncio.wait_for(process.communicate(), OPEN_S)
    assert process.returncode in {0, dying_onboarding.KILLED}, log.decode()[-2000:]
    return told.decode().strip()
