"""The fleet serves whoever is active, and lets a suspended tenant's workflows wait."""

import asyncio
from typing import Any, Self

import pytest

from mmo.kernel.identifiers import TenantId
from mmo.tenancy.tenant import Tenant
from workers import fleet as module
from workers.fleet import fleet


class Register:
    """Tenants as a test says."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.kinds: dict[str, str] = {}

    async def all(self) -> list[Tenant]:
        return [
            Tenant(
                id=TenantId(number), slug=slug, name=slug, timezone="Africa/Nairobi",
                currencies=("KES",), state=state, kind=self.kinds.get(slug, "operator"),
            )
            for number, (slug, state) in enumerate(self.states.items(), 1)
        ]  # fmt: skip


class Polling:
    """A worker that says while it runs."""

    running: set[str] = set()  # noqa: RUF012 - of all workers of a test

    def __init__(self, slug: str) -> None:
        self._slug = slug

    async def __aenter__(self) -> Self:
        self.running.add(self._slug)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.running.remove(self._slug)


async def client_of(tenant: Tenant) -> Any:
    return tenant.slug


async def until(wanted: set[str]) -> None:
    for _ in range(200):
        if Polling.running == wanted:
            return
        await asyncio.sleep(0.01)
    assert Polling.running == wanted


@pytest.mark.case("C9")
async def test_a_suspended_tenants_workflows_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.02)
    register: Any = Register()
    register.kinds = {"super": "super"}
    register.states = {"demo": "active", "other": "active", "super": "active", "new": "pending"}
    made: Any = Polling
    async with fleet(register, client_of, made):  # pyright: ignore[reportArgumentType]
        assert Polling.running == {"demo", "other"}
        register.states["other"] = "suspended"
        await until({"demo"})
        register.states |= {"other": "active", "new": "active"}
        await until({"demo", "other", "new"})
    assert Polling.running == set()
