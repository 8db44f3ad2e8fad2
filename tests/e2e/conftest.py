"""Fixtures of the tests from outside: the running operator, and a town of each tenant."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import pytest_asyncio

from tests.e2e.contract import conforms
from tests.e2e.opening import Third, ask, until_active, wanted
from tests.e2e.operator import OTHER, Operator, open_client, operator_of
from tests.e2e.town import Holder, Patient, Town
from tests.servers.nats import NatsServer
from tests.servers.postgres import postgres_of
from tests.servers.temporal import TemporalServer
from workers.demo.people import SUPER
from workers.demo.seed import DEMO

LOG_SHOWN = 8000
_began: dict[Path, int] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack(
    run_folder: Path, temporal_server: TemporalServer, nats_server: NatsServer
) -> Iterator[Operator]:
    """The operator of this run: the tenants demo and other, front and background.

    It has a database server of its own. The feed's horizon is that of the whole server: a test that
    keeps a transaction open elsewhere on it would make this one's readers wait.
    """
    own = run_folder / "town"
    own.mkdir(exist_ok=True)
    own.chmod(0o755)
    with (
        postgres_of(own) as server,
        operator_of(run_folder, server, temporal_server, nats_server) as operator,
    ):
        yield operator


@pytest.fixture(autouse=True)
def logs_of_the_test(stack: Operator) -> None:
    """Remember where the logs end before the test, to show what a failed one added."""
    _began.update({log: log.stat().st_size for log in stack.logs if log.exists()})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for log, start in _began.items():
            text = log.read_bytes()[start:][-LOG_SHOWN:].decode(errors="replace")
            report.sections.append((f"{log.stem}'s log", text))
    return report


@pytest_asyncio.fixture(scope="session")
async def http(stack: Operator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the front; every answer it gets is held against the published contract."""

    async def held_against_the_contract(answer: httpx.Response) -> None:
        await answer.aread()
        conforms(answer)

    async with httpx.AsyncClient(
        base_url=stack.url,
        timeout=30,
        # Shorter than the front keeps an idle line: else one is used just as it is being closed.
        transport=Patient(limits=httpx.Limits(max_connections=100, keepalive_expiry=2)),
        event_hooks={"response": [held_against_the_contract]},
    ) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def demo(stack: Operator, http: httpx.AsyncClient) -> Town:
    return Town(stack, http, DEMO.slug)


@pytest_asyncio.fixture(scope="session")
async def other(stack: Operator, http: httpx.AsyncClient) -> Town:
    return Town(stack, http, OTHER.slug)


@pytest_asyncio.fixture(scope="session")
async def above(stack: Operator, http: httpx.AsyncClient) -> Town:
    """The super-tenant: its staff read every tenant."""
    return Town(stack, http, SUPER.slug)


@pytest.fixture
def books(stack: Operator) -> Iterator[psycopg.Connection]:
    """An administrator's look into the database."""
    with psycopg.connect(stack.database.admin, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def alice(demo: Town) -> Holder:
    """A customer without money."""
    return await demo.customer()


@pytest_asyncio.fixture(scope="session")
async def listed(demo: Town) -> tuple[str, str]:
    """A code list of demo with a value."""
    name = f"list-{secrets.token_hex(4)}"
    put = await ask(
        demo.staff, f"/v1/code-lists/{name}/values/teacher", "PUT", {"label": "Teacher"}
    )
    assert put.status_code == 200, put.text
    return name, "teacher"


@pytest_asyncio.fixture(scope="session")
async def third(stack: Operator, above: Town, http: httpx.AsyncClient) -> AsyncIterator[Third]:
    slug = f"third-{secrets.token_hex(3)}"
    asked = await above.staff.post("/v1/tenants", wanted(slug))
    assert asked.status_code == 202, asked.text
    assert asked.json()["state"] == "pending"
    await until_active(above, slug)
    with psycopg.connect(stack.database.admin) as admin:
        row = admin.execute("SELECT id FROM tenancy.tenant WHERE slug = %s", [slug]).fetchone()
    assert row is not None
    await open_client(stack.settings(), row[0])
    town = Third(stack, http, slug)
    town.invitation = asked.json()["invitation"]
    yield town
