"""Fixtures of every test: the real servers of this run, and a fresh database."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.security import table
from tests.servers.nats import NatsServer, nats_of
from tests.servers.postgres import Database, PostgresServer, postgres_of
from tests.servers.temporal import TemporalServer, temporal_of


def pytest_configure(config: pytest.Config) -> None:
    """Count the cases of the threat model, and forget the stack that whoever tests has at hand."""
    for name in [one for one in os.environ if one.startswith("MMO_") and one != table.WRITE]:
        del os.environ[name]
    config.pluginmanager.register(table, "security-cases")


LONGEST_FIRST = ("faults", "workers", "e2e", "workflows", "replay")
"""Folders whose files take long each: begun first, none of them is waited for alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    here = Path(__file__).parent
    items.sort(key=lambda item: order.get(item.path.relative_to(here).parts[0], len(order)))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def postgres_server(run_folder: Path) -> Iterator[PostgresServer]:
    """PostgreSQL, migrated template and users of all roles included."""
    with postgres_of(run_folder) as server:
        yield server


@pytest.fixture(scope="session")
def temporal_server(run_folder: Path) -> Iterator[TemporalServer]:
    """Temporal's dev server, with its UI."""
    with temporal_of(run_folder) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server(run_folder: Path) -> Iterator[NatsServer]:
    """NATS with JetStream on files."""
    with nats_of(run_folder) as server:
        yield server


@pytest.fixture(scope="module")
def new_database(postgres_server: PostgresServer) -> Iterator[Callable[[], Database]]:
    """Make databases, each fresh and migrated; all are dropped after the module."""
    made: list[Database] = []

    def create() -> Database:
        made.append(postgres_server.create())
        return made[-1]

    yield create
    for one in made:
        postgres_server.drop(one)


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh, migrated database of this test alone."""
    fresh = postgres_server.create()
    yield fresh
    postgres_server.drop(fresh)
