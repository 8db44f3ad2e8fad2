"""With a tenant's key its people's names are gone, at once and for good; money goes on."""

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.faults.stack import stack_of
from workers.stack.home import Home
from workers.stack.state import read_state

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.case("L11")]

GONE, OTHER = "demo2", "demo"
AT_ONCE_S = 2.0
ALICE = "msisdn:+254700000001"

Mmo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("destroyed") / "home")


@pytest.fixture(scope="module")
def mmo(home: Home) -> Iterator[Mmo]:
    """Run the command line as a person does; the stack is stopped at the end."""
    with stack_of(home.path) as running:
        yield running.mmo


class Tenant:
    """A tenant of the running stack, asked by its back office."""

    def __init__(self, mmo: Mmo, home: Home, slug: str) -> None:
        self.slug = slug
        self._mmo = mmo
        self._home = home
        told = mmo("token", "--as", "operator", "--tenant", slug)
        assert told.returncode == 0, told.stderr
        self._token = told.stdout.strip()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Ask with a token of its own."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": uuid.uuid4().hex}
        url = read_state(self._home).urls["api"] + path
        return httpx.request(method, url, json=body, headers=headers, timeout=30)

    def read(self, wallet: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/v1/wallets/{wallet}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def opens(self, name: str) -> httpx.Response:
        body = {"kind": "customer", "currency": "KES", "name": name,
                "msisdn": f"+2547{uuid.uuid4().int % 10**8:08}"}  # fmt: skip
        return self.ask("POST", "/v1/wallets", body)

    def issues(self) -> httpx.Response:
        body = {"recipient": "msisdn:+254700000100", "bank_reference": "BANK 7",
                "amount": {"value": "5.00", "currency": "KES"}}  # fmt: skip
        return self.ask("POST", "/v1/movements/emoney-issuance", body)

    def history(self, movement: str) -> subprocess.CompletedProcess[str]:
        return self._mmo("history", "fold", movement, "--tenant", self.slug)


def is_gone(tenant: Tenant, wallet: str, movement: str) -> None:
    """Names and histories cannot be read; wallets, balances and movements can."""
    read = tenant.read(wallet)
    assert (read["name"], read["alias"], read["state"]) == (None, None, "active")
    assert tenant.read(ALICE)["id"] == wallet, "a number is found without its being shown"
    balance = tenant.ask("GET", f"/v1/wallets/{wallet}/balance")
    assert balance.status_code == 200
    assert tenant.ask("GET", f"/v1/movements/{movement}").status_code == 200
    for refused in (tenant.opens("Zoe"), tenant.issues()):
        assert (refused.status_code, refused.json()["code"]) == (503, "no_key"), refused.text
    unread = tenant.history(movement)
    assert unread.returncode != 0
    assert "key" in unread.stderr
    assert unread.stderr.count("\n") == 1, unread.stderr


def test_a_destroyed_key_binds_at_once_and_after_a_restart(mmo: Mmo, home: Home) -> None:
    gone, other = Tenant(mmo, home, GONE), Tenant(mmo, home, OTHER)
    issued = {tenant.slug: tenant.issues().json()["id"] for tenant in (gone, other)}
    wallets = {tenant.slug: tenant.read(ALICE)["id"] for tenant in (gone, other)}
    assert [tenant.read(ALICE)["name"] for tenant in (gone, other)] == ["Alice", "Alice"]
    assert gone.history(issued[GONE]).returncode == 0

    asked = ("keys", "destroy", "--tenant", GONE, "--purpose", "kek", "--yes-destroy")
    done = mmo(*asked)
    assert done.returncode == 0, done.stderr
    time.sleep(AT_ONCE_S)
    is_gone(gone, wallets[GONE], issued[GONE])
    assert mmo("down").returncode == 0
    started = mmo("up", "--detach")
    assert started.returncode == 0, started.stderr
    is_gone(gone, wallets[GONE], issued[GONE])

    assert other.read(ALICE)["name"] == "Alice"
    assert other.opens("Zoe").status_code == 201
    assert other.issues().status_code == 201
    assert other.history(issued[OTHER]).returncode == 0
    verified = mmo("verify", "--json")
    assert verified.returncode == 0, verified.stdout
    listed = mmo("wallets", "--tenant", GONE, "--json")
    assert {row["name"] for row in json.loads(listed.stdout)} == {None}
    goes_on_with_a_new_key(mmo, Tenant(mmo, home, GONE))


def goes_on_with_a_new_key(mmo: Mmo, gone: Tenant) -> None:
    assert mmo("keys", "rotate", "--tenant", GONE, "--purpose", "kek").returncode == 0
    time.sleep(AT_ONCE_S)

    zoe = gone.opens("Zoe")
    assert zoe.status_code == 201, zoe.text
    assert gone.read(zoe.json()["id"])["name"] == "Zoe"
    assert gone.read(ALICE)["name"] is None
    issued = gone.issues()
    assert issued.status_code == 201, issued.text
    assert gone.history(issued.json()["id"]).returncode == 0
