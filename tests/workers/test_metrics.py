"""Every process can be scraped: on the loopback address, and without a risk to its work."""

import asyncio
import http.client
import socket
import time
from pathlib import Path

import pytest

from mmo.settings import Settings
from tests.servers.postgres import Database
from tests.servers.shared import start_server
from workers import metrics
from workers.metrics import measure_when_scraped, scrapeable
from workers.roles import ROLES
from workers.stack.plan import workers_launch
from workers.stack.ports import METRICS_FIRST, choose_metrics_ports
from workers.stack.processes import born, end, free_port, listens


@pytest.fixture
def settings() -> Settings:
    return Settings(metrics_port=free_port())


@pytest.fixture(autouse=True)
def no_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_measures", [])


def get(port: int | None, path: str = "/metrics", method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    told = answer.status, answer.headers["content-type"], answer.read().decode()
    connection.close()
    return told


async def test_a_process_tells_what_it_measures_while_it_runs(settings: Settings) -> None:
    measured: list[int] = []

    async def measure() -> None:
        measured.append(1)

    async def broken() -> None:
        raise ConnectionError("the database is away")

    async with scrapeable(settings):
        measure_when_scraped(broken)
        measure_when_scraped(measure)
        status, kind, text = await asyncio.to_thread(get, settings.metrics_port)
        other, _, _ = await asyncio.to_thread(get, settings.metrics_port, "/else")
        post, _, _ = await asyncio.to_thread(get, settings.metrics_port, "/metrics", "POST")

    assert (status, other, post, measured) == (200, 404, 405, [1])
    assert kind.startswith("text/plain")
    assert "process_cpu_seconds_total" in text
    assert not listens(settings.metrics_port or 0)


async def test_a_process_without_a_port_listens_nowhere() -> None:
    async with scrapeable(Settings()):
        assert Settings().metrics_port is None


async def test_a_port_that_is_taken_costs_the_measurements_alone(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.metrics_port or 0)):
        async with scrapeable(settings):
            done = True
    assert done


async def test_a_process_that_fails_ends_its_port(settings: Settings) -> None:
    with pytest.raises(LookupError):
        async with scrapeable(settings):
            raise LookupError
    assert not listens(settings.metrics_port or 0)


def test_every_role_has_a_port_of_its_own_that_is_kept_while_it_is_free() -> None:
    names = [role.name for role in ROLES]
    first = choose_metrics_ports(names, {}, [METRICS_FIRST + 1])
    assert len(set(first.values())) == len(names)
    assert METRICS_FIRST + 1 not in first.values()
    assert choose_metrics_ports(names, first, []) == first
    with socket.create_server(("127.0.0.1", first["relay"])):
        again = choose_metrics_ports(names, first, [])
    assert {name for name in names if again[name] != first[name]} == {"relay"}


@pytest.mark.parametrize("name", ["projector", "relay"])
def test_a_role_of_its_own_process_is_scraped(
    database: Database, name: str, tmp_path: Path
) -> None:
    port = free_port()
    environment = {
        **database.environment(f"mmo_{name}"),
        "MMO_HOME": str(tmp_path),
        "MMO_METRICS_PORT": str(port),
    }
    process = start_server(
        workers_launch(name, environment), tmp_path / f"{name}.log", lambda: listens(port)
    )
    deadline, wanted = time.monotonic() + 20, f'mmo_loop_rounds_total{{loop="{name}"}}'
    if name == "relay":  # the broker is away: that is measured, too
        wanted = f'mmo_loop_faults_total{{loop="{name}"}}'
    while wanted not in (text := get(port)[2]):
        assert time.monotonic() < deadline, text[-500:]
        time.sleep(0.1)
    end(process.pid, born(process.pid) or 0)
