"""Fixtures of the roles' tests: a Temporal of their own, where nobody else takes their tasks."""

from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer, temporal_of
from tests.workflows.house import TENANT, House, house
from workers.namespaces import open_namespace
from workers.wiring import TenantClients


@pytest.fixture(scope="module")
def own_temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    with temporal_of(tmp_path_factory.mktemp("own_temporal")) as server:
        yield server


@pytest.fixture(scope="module")
async def clients(own_temporal: TemporalServer) -> TenantClients:
    """Clients of the tenants' namespaces; that of the house's tenant is open."""
    made = TenantClients(own_temporal.address, None)
    await open_namespace(await made.service(), TENANT.namespace, timedelta(days=1))
    return made


@pytest.fixture
async def opened(
    clients: TenantClients, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    """An operator whose worker a test starts itself: `async with opened.worker()`."""
    client: Client = await clients(TENANT)
    async with house(database.settings("mmo_background"), client, tmp_path / "keys") as started:
        yield started
