"""A policy in memory is never older than the last change that was told."""

import asyncio

import pytest

from mmo.identity import policy as policies
from mmo.identity import roles
from mmo.identity.policy import Policies, Policy
from mmo.identity.standard import CLERK
from mmo.tenancy.postgres import TenantRegister
from tests.mmo.identity.registry import DEMO, Registry


async def take_away(registry: Registry) -> None:
    async with registry.scoped() as connection:
        role = await roles.find(connection, DEMO.id, CLERK)
        assert role is not None
        await roles.change(connection, DEMO.id, CLERK, role.version, [])


@pytest.mark.case("A27")
async def test_what_was_read_while_it_changed_is_not_kept(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Policies(registry.pool, registry.database.dsn("mmo_front"))
    plain = policies.read_policy

    async def slow(*about: object) -> Policy:
        read = await plain(*about)  # pyright: ignore[reportArgumentType]
        await take_away(registry)
        kept.forget(DEMO.id)
        monkeypatch.setattr(policies, "read_policy", plain)
        return read

    monkeypatch.setattr(policies, "read_policy", slow)

    assert (await kept.of(DEMO.id)).roles["clerk"], "read just before the change"
    assert not (await kept.of(DEMO.id)).roles["clerk"]


async def test_another_process_is_told_of_a_change(registry: Registry) -> None:
    kept = Policies(registry.pool, registry.database.dsn("mmo_front"))
    listening = asyncio.create_task(kept.run())
    try:
        await asyncio.sleep(0.3)
        before = (await kept.of(DEMO.id)).version
        await take_away(registry)
        for _ in range(100):
            if (await kept.of(DEMO.id)).version > before:
                break
            await asyncio.sleep(0.02)
        assert not (await kept.of(DEMO.id)).roles["clerk"]
    finally:
        listening.cancel()


async def test_a_tenant_suspended_while_the_register_was_read_is_read_again(
    registry: Registry,
) -> None:
    register = TenantRegister(registry.pool)
    reading = asyncio.create_task(register.all())
    await asyncio.sleep(0)
    register.forget()  # told in the middle of the read
    await reading

    assert register.stale
