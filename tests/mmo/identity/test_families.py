"""A refresh token is used once; whoever shows an old one ends the log-in."""

import asyncio

import psycopg
import pytest

from mmo.identity import clients, families
from mmo.identity.families import NotRotated, Rotated
from tests.mmo.identity.registry import DEMO, Registry

CLIENT = "console"


@pytest.fixture
async def begun(registry: Registry, server: Registry) -> Rotated:
    async with registry.scoped() as connection:
        for name in (CLIENT, "another"):
            await clients.create(
                connection, DEMO.id, name, name=name, kind="public", grants=["refresh_token"],
                scopes=["movements:read"], created_by="test",
            )  # fmt: skip
    return await begin(server)


async def begin(server: Registry, life_s: int = 3600) -> Rotated:
    async with server.scoped() as connection:
        return await families.begin(
            connection, DEMO.id, subject="amina", client_id=CLIENT, scope="movements:read",
            claims={}, idle_s=1800, life_s=life_s,
        )  # fmt: skip


async def rotated(
    server: Registry, token: str, client: str = CLIENT, tenant: int = DEMO.id
) -> Rotated | NotRotated:
    async with server.scoped(tenant) as connection:
        return await families.rotate(connection, tenant, token, client)


def live(server: Registry) -> int:
    with psycopg.connect(server.database.admin) as connection:
        row = connection.execute(
            """SELECT count(*) FROM identity.refresh_token t JOIN identity.token_family f
                ON f.id = t.family_id WHERE t.used_at IS NULL AND f.revoked_at IS NULL"""
        ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.case("B2")
async def test_forty_parallel_uses_leave_one_live_successor(
    server: Registry, begun: Rotated
) -> None:
    came = await asyncio.gather(*(rotated(server, begun.refresh_token) for _ in range(40)))

    assert all(isinstance(one, Rotated) for one in came), "a double click logs nobody out"
    assert live(server) == 1


@pytest.mark.case("B1")
async def test_a_token_used_again_later_ends_the_family(server: Registry, begun: Rotated) -> None:
    second = await rotated(server, begun.refresh_token)
    assert isinstance(second, Rotated)
    with psycopg.connect(server.database.admin) as connection:
        connection.execute("UPDATE identity.refresh_token SET used_at = used_at - interval '11 s'")

    assert await rotated(server, begun.refresh_token) == NotRotated("used again", reused=True)
    assert await rotated(server, second.refresh_token) == NotRotated("ended")
    assert live(server) == 0


@pytest.mark.case("B3")
async def test_a_thief_within_the_overlap_ends_the_family_once_the_owner_moved_on(
    server: Registry, begun: Rotated
) -> None:
    second = await rotated(server, begun.refresh_token)
    assert isinstance(second, Rotated)
    third = await rotated(server, second.refresh_token)
    assert isinstance(third, Rotated)

    assert await rotated(server, begun.refresh_token) == NotRotated("used again", reused=True)
    assert await rotated(server, third.refresh_token) == NotRotated("ended")


@pytest.mark.case("B4")
async def test_another_tenant_does_not_know_the_token(server: Registry, begun: Rotated) -> None:
    assert await rotated(server, begun.refresh_token, tenant=2) == NotRotated("unknown")
    assert isinstance(await rotated(server, begun.refresh_token), Rotated)


@pytest.mark.case("B5")
async def test_another_client_cannot_use_it(server: Registry, begun: Rotated) -> None:
    assert await rotated(server, begun.refresh_token, "another") == NotRotated("of another client")


@pytest.mark.case("B6")
async def test_a_log_in_ends_in_the_end_however_active(server: Registry, begun: Rotated) -> None:
    second = await rotated(server, begun.refresh_token)
    assert isinstance(second, Rotated)
    with psycopg.connect(server.database.admin) as connection:
        connection.execute("UPDATE identity.token_family SET ends_at = now() - interval '1 s'")

    assert await rotated(server, second.refresh_token) == NotRotated("older than it may become")


async def test_a_token_that_lay_unused_too_long_counts_no_more(
    server: Registry, begun: Rotated
) -> None:
    with psycopg.connect(server.database.admin) as connection:
        connection.execute(
            "UPDATE identity.refresh_token SET issued_at = now() - interval '31 min'"
        )

    assert await rotated(server, begun.refresh_token) == NotRotated("unused for too long")
