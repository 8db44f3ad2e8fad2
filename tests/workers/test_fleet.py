"""The fleet serves whoever is active, lets a suspended tenant's work wait, and is never deaf."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, cast

import pytest
import structlog.testing
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from mmo.kernel.identifiers import TenantId
from mmo.tenancy.tenant import Tenant
from tests.servers.temporal import TemporalServer
from workers import fleet as module
from workers.fleet import fleet
from workers.namespaces import open_namespace
from workers.wiring import TenantClients


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

    def __init__(self, namespace: "Namespace") -> None:
        self._slug = namespace.slug

    async def run(self) -> None:
        self.running.add(self._slug)
        try:
            await asyncio.Future[None]()
        finally:
            self.running.remove(self._slug)


class Failing(Polling):
    """One that ends with an error."""

    async def run(self) -> None:
        raise RuntimeError("the line is cut")


@dataclass(frozen=True, slots=True)
class Namespace:
    """A client of a namespace that is there."""

    slug: str
    namespace: str

    @property
    def workflow_service(self) -> Self:
        return self

    async def describe_namespace(self, _: object) -> None:
        """It is there."""


@workflow.defn
class Hears:
    """Ends as soon as somebody works."""

    @workflow.run
    async def run(self) -> str:
        return "heard"


class Namespaces:
    """Namespaces of all tenants."""

    async def for_worker(self, tenant: Tenant) -> Any:
        return Namespace(tenant.slug, tenant.namespace)


async def until(wanted: set[str]) -> None:
    for _ in range(200):
        if Polling.running == wanted:
            return
        await asyncio.sleep(0.01)
    assert Polling.running == wanted


def register_of(*slugs: str) -> Any:
    made = Register()
    made.states = dict.fromkeys(slugs, "active")
    return made


def hearing(client: Client) -> Worker:
    return Worker(
        client, task_queue="hears", workflows=[Hears], workflow_runner=UnsandboxedWorkflowRunner()
    )


@pytest.mark.case("C9")
async def test_a_suspended_tenants_workflows_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.02)
    register = register_of("demo", "other", "super")
    register.kinds = {"super": "super"}
    register.states["new"] = "pending"
    made: Any = Polling
    async with fleet(register, cast("TenantClients", Namespaces()), made):
        await until({"demo", "other"})
        register.states["other"] = "suspended"
        await until({"demo"})
        register.states |= {"other": "active", "new": "active"}
        await until({"demo", "other", "new"})
    assert Polling.running == set()


async def test_a_worker_that_fails_ends_its_process_which_is_begun_anew() -> None:
    """Rather than look well and hear nothing."""
    kinds, clients = {"demo": Polling, "new": Failing}, cast("TenantClients", Namespaces())

    def make(client: Any) -> Any:
        return kinds[client.slug](client)

    with pytest.raises(ExceptionGroup) as failed:
        async with fleet(register_of("demo", "new"), clients, make):
            await asyncio.wait_for(asyncio.Event().wait(), 10)

    assert failed.group_contains(RuntimeError, match="the line is cut")
    assert Polling.running == set()


async def test_a_namespace_that_is_known_late_is_served_from_then_on(
    own_temporal: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant may be active before every part of Temporal knows its namespace; nobody else waits.

    The one that comes first by name is never known.
    """
    monkeypatch.setattr(module, "REFRESH_S", 0.05)
    monkeypatch.setattr(module, "AGAIN_S", 0.05)
    register, clients = register_of("early", "late"), TenantClients(own_temporal.address, None)
    service, late = await clients.service(), (await register.all())[1]
    with structlog.testing.capture_logs() as told:
        async with fleet(register, clients, hearing):
            while not {"early", "late"} <= {line["tenant"] for line in told}:  # noqa: ASYNC110 - told by no event
                await asyncio.sleep(0.05)
            await open_namespace(service, late.namespace, timedelta(days=1))
            client = await clients(late)
            asked = client.execute_workflow(Hears.run, id="late/hears", task_queue="hears")
            heard = await asyncio.wait_for(asked, 60)

    assert heard == "heard"
    assert [(line["event"], line["tenant"]) for line in told if line["tenant"] == "early"] == [
        ("fleet.not_reached", "early")
    ]
    assert ("fleet.serves", "late") in {(line["event"], line["tenant"]) for line in told}
