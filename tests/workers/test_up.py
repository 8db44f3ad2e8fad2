"""One command starts the whole operator, and it stays itself over kills and restarts."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults.stack import stack_of
from workers.stack.home import Home
from workers.stack.plan import ADMIN, stack_settings
from workers.stack.state import read_state

pytestmark = pytest.mark.stack

Mmo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("up") / "home")


@pytest.fixture(scope="module")
def mmo(home: Home) -> Iterator[Mmo]:
    """Run the command line as a person does; the stack is stopped at the end."""
    with stack_of(home.path) as running:
        yield running.mmo


def status(mmo: Mmo) -> dict[str, Any]:
    return json.loads(mmo("status", "--json").stdout)


def pids(home: Home) -> dict[str, int]:
    return {one.name: one.pid for one in read_state(home).living()}


def is_back(home: Home, name: str, before: int) -> bool:
    now = next(one for one in read_state(home).processes if one.name == name)
    return now.health == "ready" and now.pid != before


def test_everything_is_ready_and_says_where_it_is(mmo: Mmo) -> None:
    said = status(mmo)
    assert said["state"] == "ready"
    assert set(said["urls"]) == {
        "api", "temporal_ui", "temporal", "nats", "postgres", "authorization", "console",
    }  # fmt: skip
    assert {p["health"] for p in said["processes"]} == {"ready", "done"}
    assert {
        "postgres",
        "nats",
        "smsc",
        "temporal",
        "keys",
        "authorization",
        "front",
        "background",
    } <= {p["name"] for p in said["processes"]}
    for url in (f"{said['urls']['api']}/readyz", said["urls"]["temporal_ui"]):
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200


def test_a_program_of_any_tenant_gets_its_token(mmo: Mmo, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    made = mmo("clients", "create", "--id", "payroll", "--scope", "movements:read",
               "--tenant", "demo2", "--secret-file", str(secret))  # fmt: skip
    assert made.returncode == 0, made.stderr

    told = mmo("token", "--as", "payroll", "--tenant", "demo2", "--secret-file", str(secret))
    elsewhere = mmo("token", "--as", "payroll", "--tenant", "demo", "--secret-file", str(secret))

    assert told.returncode == 0, told.stderr
    assert told.stdout.count(".") == 2
    assert elsewhere.returncode == 1
    assert "invalid_client" in elsewhere.stderr


def test_every_process_of_ours_is_scraped_where_the_status_says(mmo: Mmo) -> None:
    where = {p["name"]: p["metrics"] for p in status(mmo)["processes"] if p["metrics"]}
    assert set(where) == {"front", "background", "keys", "authorization"}
    assert all(url.startswith("http://127.0.0.1:") for url in where.values())
    assert all("process_cpu_seconds_total" in scraped(url) for url in where.values())
    arrives(where["background"], 'mmo_loop_rounds_total{loop="relay"}')
    arrives(where["front"], 'mmo_feed_lag_events{reader="relay"}')


def scraped(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def arrives(url: str, measurement: str) -> None:
    """Wait for a measurement: a loop that has just begun has none yet."""
    deadline = time.monotonic() + 30
    while measurement not in (text := scraped(url)):
        assert time.monotonic() < deadline, text[-500:]
        time.sleep(0.2)


def test_nothing_is_wrong_with_it(mmo: Mmo) -> None:
    done = mmo("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, [c for c in found["checks"] if c["result"] == "problem"]
    assert "**" in found["settings"]["database_password"]


def test_keys_are_looked_after_from_the_command_line(mmo: Mmo) -> None:
    probed = json.loads(mmo("hsm", "probe", "--json").stdout)
    assert len(probed) == 6
    assert all(one["works"] for one in probed)

    def states() -> list[str]:
        rows = json.loads(mmo("keys", "list", "--tenant", "demo", "--json").stdout)
        return [row["state"] for row in rows if row["purpose"] == "jwt"]

    assert states() == ["active", "next"]
    assert mmo("keys", "rotate", "--tenant", "demo", "--purpose", "jwt").returncode == 0
    assert states() == ["retired", "active", "next"]
    stored = json.loads(mmo("hsm", "list", "--json").stdout)
    assert {"demo/jwt/1", "demo/jwt/3", "demo/kek/1"} <= {one["label"] for one in stored}


def test_a_key_is_destroyed_only_where_that_is_said_twice(mmo: Mmo) -> None:
    asked = ("keys", "destroy", "--tenant", "demo", "--purpose", "msisdn")
    refused = mmo(*asked)
    assert refused.returncode == 1
    assert "say --yes-destroy" in refused.stderr
    nobody = mmo("keys", "rotate", "--tenant", "nobody", "--purpose", "jwt")
    assert (nobody.returncode, nobody.stderr.strip()) == (
        1, "mmo: there is no tenant nobody with keys: name one with --tenant",
    )  # fmt: skip


def test_one_process_is_rolled_and_no_other(mmo: Mmo, home: Home) -> None:
    before = pids(home)

    assert mmo("restart", "nats").returncode == 0

    after = pids(home)
    assert {name for name in after if after[name] != before[name]} == {"nats"}


def test_a_killed_database_comes_back_under_running_roles(mmo: Mmo, home: Home) -> None:
    before = pids(home)

    os.kill(before["postgres"], signal.SIGKILL)

    deadline = time.monotonic() + 20
    while not is_back(home, "postgres", before["postgres"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert pids(home)["front"] == before["front"]


def test_what_was_written_is_there_after_a_stop(mmo: Mmo, home: Home) -> None:
    admin = stack_settings(home.path, ADMIN)
    with psycopg.connect(admin.dsn()) as connection:
        connection.execute("CREATE TABLE public.kept AS SELECT 42 AS answer")

    assert mmo("down").returncode == 0
    assert not read_state(home).living()
    assert mmo("status").returncode == 3
    assert mmo("up", "--detach").returncode == 0

    with psycopg.connect(admin.dsn()) as connection:
        assert connection.execute("SELECT answer FROM public.kept").fetchone() == (42,)
