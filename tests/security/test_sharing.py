"""What a group shares is read by members and written by its owner, whatever a statement asks."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from mmo.codelists import postgres as code_lists
from mmo.tenancy import groups
from mmo.tenancy.scope import SHAREABLE, scoped
from tests.security.catalogue import SHARED
from tests.security.two_tenants import A, B, Two, two_tenants
from tests.servers.postgres import Database

SUPER = 3


@pytest.fixture
async def two(database: Database) -> AsyncGenerator[Two]:
    """A has a code list; a super-tenant made a group in which A shares it with B."""
    async with two_tenants(database) as opened:
        with psycopg.connect(database.admin) as admin:
            admin.execute(
                """INSERT INTO tenancy.tenant
                   (id, slug, name, timezone, currencies, country, kind, state)
                   VALUES (3, 'super', 'Super', 'Africa/Nairobi', '{}', 'KE', 'super', 'active')"""
            )
        async with scoped(opened.pool, A.id) as connection:
            await code_lists.create(
                connection, A.id, "occupations", "teacher", label="Teacher", active=True, by="a"
            )
        await grouped(opened, SUPER)
        yield opened


async def grouped(two: Two, maker: int) -> None:
    async with scoped(two.pool, maker) as connection:
        group = uuid4()
        await groups.create(connection, maker, group, "east-africa")
        await groups.fill(connection, maker, group, [A.id, B.id], [("code_lists", A.id)])


@contextmanager
def as_member(two: Two) -> Iterator[psycopg.Connection[Any]]:
    """B's transaction, as the server begins it after it has looked at the groups."""
    with two.as_front(B.id) as connection:
        connection.execute("SET LOCAL app.tenants_code_lists = '1,2'")
        yield connection


def labels(connection: psycopg.Connection[Any]) -> list[str]:
    return [x for (x,) in connection.execute("SELECT label FROM code_lists.value").fetchall()]


async def read_by(two: Two, tenant: int) -> list[str]:
    async with scoped(two.pool, tenant, ("code_lists",)) as connection:
        return [one.list for one in await code_lists.lists(connection, tenant)]


@pytest.mark.case("C6")
async def test_a_member_reads_the_row_and_changes_none(two: Two) -> None:
    with as_member(two) as connection:
        assert labels(connection) == ["Teacher"]
        update = connection.execute("UPDATE code_lists.value SET label = 'x'")
        locked = connection.execute("SELECT label FROM code_lists.value FOR UPDATE")
        assert (update.rowcount, locked.rowcount) == (0, 0)


@pytest.mark.case("C6")
async def test_a_member_deletes_nothing_even_where_it_could_delete(two: Two) -> None:
    with psycopg.connect(two.database.admin) as admin:
        admin.execute("GRANT DELETE ON code_lists.value TO mmo_as_poster")
        admin.execute("SET LOCAL ROLE mmo_front")
        admin.execute("SET LOCAL app.tenant = '2'")
        admin.execute("SET LOCAL app.tenants_code_lists = '1,2'")
        assert labels(admin) == ["Teacher"]
        assert admin.execute("DELETE FROM code_lists.value").rowcount == 0
        admin.rollback()


@pytest.mark.case("C6")
async def test_a_member_adds_nothing_to_the_owners_list(two: Two) -> None:
    with (
        as_member(two) as connection,
        pytest.raises(errors.InsufficientPrivilege, match="row-level security"),
    ):
        connection.execute(
            "INSERT INTO code_lists.value (tenant_id, list, code, label, changed_by)"
            " VALUES (1, 'occupations', 'x', 'X', 'b')"
        )


@pytest.mark.case("C10")
@pytest.mark.parametrize("garbage", ["1;2", "*", "all", "1,x"])
async def test_a_list_of_tenants_that_is_none_is_an_error_and_not_everybody(
    two: Two, garbage: str
) -> None:
    with two.as_front(B.id) as connection:
        connection.execute(f"SET LOCAL app.tenants_code_lists = '{garbage}'".encode())
        with pytest.raises(errors.InvalidTextRepresentation):
            labels(connection)


@pytest.mark.case("C6")
async def test_what_is_shared_is_read_from_the_groups_at_each_request(two: Two) -> None:
    assert await read_by(two, B.id) == ["occupations"]
    async with scoped(two.pool, B.id) as connection:  # nobody asked for what is shared
        assert await code_lists.lists(connection, B.id) == []
    async with scoped(two.pool, SUPER) as connection:
        (group,) = await groups.listed(connection, SUPER, None, 10)
        await groups.fill(connection, SUPER, group.id, [A.id], [("code_lists", A.id)])
    assert await read_by(two, B.id) == []
    assert await read_by(two, A.id) == ["occupations"]


@pytest.mark.case("C11")
async def test_the_list_of_tenants_ends_with_its_transaction(two: Two) -> None:
    assert await read_by(two, B.id) == ["occupations"]
    async with two.pool.connection() as connection:  # the pool has this one only
        cursor = await connection.execute("SELECT label FROM code_lists.value")
        assert await cursor.fetchall() == []


@pytest.mark.case("C7")
async def test_a_group_that_no_super_tenant_made_shares_nothing(two: Two) -> None:
    with psycopg.connect(two.database.admin) as admin:
        admin.execute("DELETE FROM tenancy.group_share")
        admin.execute("DELETE FROM tenancy.group_member")
    await grouped(two, B.id)

    assert await read_by(two, B.id) == []


@pytest.mark.case("C7")
@pytest.mark.parametrize("resource", ["ledger", "wallets", "audit", "code_lists = 1; --"])
async def test_nothing_else_is_shared_by_the_server(two: Two, resource: str) -> None:
    with pytest.raises(ValueError, match="shared with nobody"):
        async with scoped(two.pool, B.id, (resource,)):
            pass
    assert set(SHAREABLE) == {table.partition(".")[0] for table in SHARED}


async def test_a_list_of_ones_own_goes_before_one_that_is_shared(two: Two) -> None:
    async with scoped(two.pool, B.id) as connection:
        await code_lists.create(
            connection, B.id, "occupations", "nurse", label="Nurse", active=True, by="b"
        )
    async with scoped(two.pool, B.id, ("code_lists",)) as connection:
        owner = await code_lists.owner_of(connection, B.id, "occupations")
        (told,) = await code_lists.lists(connection, B.id)

    assert owner is not None
    assert (owner.slug, told.owner, told.values) == (B.slug, B.slug, 1)
