"""What a process of one tenant's callers asks for, it gets of that tenant alone."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import TransactionStatus

from mmo.changes.wallets import Changed
from mmo.kernel.refusals import Refused
from mmo.ledger.verify import verify
from mmo.movements.support.commands import IdempotencyKeyReusedError
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from tests.security.catalogue import TENANTLESS
from tests.security.two_tenants import ALICE, CLERK, MSISDN, A, B, Two, index, two_tenants
from tests.servers.postgres import Database

NAMES = "SELECT substr(name, 8) FROM wallets.wallet"
B_ONLY, A_ONLY = UUID(int=ALICE.int + 1), UUID(int=ALICE.int + 2)


@pytest.fixture
async def two(database: Database) -> AsyncGenerator[Two]:
    async with two_tenants(database) as opened:
        yield opened


def names(connection: psycopg.Connection[Any]) -> list[str]:
    return [name for (name,) in connection.execute(NAMES).fetchall()]


@pytest.mark.case("C10")
async def test_whoever_names_no_tenant_sees_nothing_in_any_table(two: Two) -> None:
    await two.accept(A, "k")
    with psycopg.connect(two.database.admin) as admin:
        tables = admin.execute(
            """SELECT n.nspname || '.' || c.relname FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname !~ '^(pg_|information_schema)'
                  AND has_any_column_privilege('mmo_front', c.oid, 'SELECT')
                  AND has_schema_privilege('mmo_front', n.oid, 'USAGE')"""
        ).fetchall()
        filled = {
            t: admin.execute(f"SELECT count(*) FROM {t}".encode()).fetchone() for (t,) in tables
        }
    seen: dict[str, Any] = {}
    for (table,) in tables:
        with two.as_front(None) as connection:
            query = f"SELECT count(tenant_id) FROM {table}"
            if table not in TENANTLESS and not table.startswith("keys."):
                seen[table] = connection.execute(query.encode()).fetchone()

    assert {table for table, count in seen.items() if count != (0,)} == set()
    for table in ("wallets.wallet", "messaging.event", "movements.command", "ledger.account"):
        assert filled[table] != (0,)
        assert table in seen


@pytest.mark.case("C10")
@pytest.mark.parametrize("garbage", ["1 OR 1=1", "*", "1,2", "\uff11", "one", "99999999999"])
async def test_a_tenant_that_is_no_number_is_an_error_and_not_everybody(
    two: Two, garbage: str
) -> None:
    with two.as_front(None) as connection:
        connection.execute(f"SET LOCAL app.tenant = '{garbage}'".encode())
        with pytest.raises((errors.InvalidTextRepresentation, errors.NumericValueOutOfRange)):
            connection.execute(NAMES)


@pytest.mark.case("C10")
async def test_a_tenant_sees_its_own_and_no_other_sees_it(two: Two) -> None:
    with two.as_front(A.id) as connection:
        assert names(connection) == ["Alice of demo"]
        assert connection.execute("SELECT DISTINCT tenant_id FROM ledger.balance").fetchall() == [
            (A.id,)
        ]
    with two.as_front(9) as connection:
        assert names(connection) == []


class InTheMiddleError(Exception): ...


@pytest.mark.case("C11")
async def test_after_an_error_the_next_user_of_the_connection_sees_nothing(two: Two) -> None:
    async def broken() -> None:
        async with scoped(two.pool, A.id) as connection:
            await connection.execute("UPDATE wallets.wallet SET name = 'enc:v1:changed'")
            raise InTheMiddleError

    async def failed() -> None:
        async with scoped(two.pool, A.id) as connection:
            await connection.execute("SELECT 1 / 0")

    async def cut() -> None:
        async with scoped(two.pool, A.id) as connection:
            await connection.execute("SELECT pg_sleep(60)")

    cutting = asyncio.ensure_future(cut())
    await asyncio.sleep(0.2)
    cutting.cancel()
    for one, error in (
        (broken(), InTheMiddleError),
        (failed(), psycopg.errors.DivisionByZero),
        (cutting, asyncio.CancelledError),
    ):
        with pytest.raises(error):
            await one
        async with two.pool.connection() as connection:  # the pool has this one only
            assert connection.info.transaction_status is TransactionStatus.IDLE
            assert await (await connection.execute(NAMES)).fetchall() == []
            cursor = await connection.execute("SELECT current_setting('app.tenant', true)")
            assert await cursor.fetchone() in [("",), (None,)]
    async with scoped(two.pool, A.id) as connection:
        assert await (await connection.execute(NAMES)).fetchall() == [("Alice of demo",)]


@pytest.mark.case("C11")
async def test_the_beginning_of_a_transaction_is_never_prepared_away(two: Two) -> None:
    """psycopg prepares what it sees often; two statements in one message cannot be prepared."""
    for _ in range(20):
        for tenant in (A, B):
            async with scoped(two.pool, tenant.id) as connection:
                rows = await (await connection.execute(NAMES)).fetchall()
                assert rows == [(f"Alice of {tenant.slug}",)]


@pytest.mark.case("C5")
async def test_a_number_that_another_tenants_customer_has_is_free(two: Two) -> None:
    opened = await two.open(B, "+254700000077", B_ONLY)
    again = await two.open(A, "+254700000077", A_ONLY)

    assert isinstance(opened, Changed)
    assert isinstance(again, Changed)


@pytest.mark.case("C5")
async def test_within_a_tenant_it_is_taken(two: Two) -> None:
    taken = await two.open(A, MSISDN, A_ONLY)

    assert isinstance(taken, Refused)
    assert taken.code == "alias_taken"


@pytest.mark.case("C19")
async def test_equal_ids_and_keys_in_two_tenants_are_strangers(two: Two) -> None:
    (first, new_a), (second, new_b) = await two.accept(A, "key"), await two.accept(B, "key", "2")

    assert new_a
    assert new_b
    assert first.movement_id != second.movement_id
    assert await two.commands.find(A.id, second.movement_id) is None
    with pytest.raises(IdempotencyKeyReusedError):
        await two.accept(A, "key", "2")
    await two.changes.freeze(A.id, ALICE, CLERK)
    async with scoped(two.pool, B.id) as connection:
        found = await wallets.find(connection, B.id, {"id": ALICE, "number": index(MSISDN)})
    assert {wallet.state for wallet in found.values()} == {"active"}
    assert {wallet.name for wallet in found.values()} == {"enc:v1:Alice of demo2"}


@pytest.mark.case("C6")
@pytest.mark.parametrize("statement", [
    "UPDATE wallets.wallet SET name = 'x' WHERE tenant_id = 2",
    ("UPDATE wallets.wallet SET name = 'x' WHERE id = '018f0000-0000-7000-8000-00000000a11c'"
    " AND tenant_id = 2"),
    "SELECT name FROM wallets.wallet WHERE tenant_id = 2 FOR NO KEY UPDATE",
])  # fmt: skip
async def test_another_tenants_row_is_not_there_to_be_changed(two: Two, statement: str) -> None:
    with two.as_front(A.id) as connection:
        assert connection.execute(statement.encode()).rowcount == 0


@pytest.mark.case("C6")
@pytest.mark.parametrize("statement", [
    "UPDATE wallets.wallet SET tenant_id = 2",
    ("INSERT INTO wallets.wallet SELECT 2, gen_random_uuid(), kind, state, currency, msisdn, name,"
    " owner, accounts, version, opened_at, changed_at, alias FROM wallets.wallet"),
    ("INSERT INTO audit.record (tenant_id, id, actor, client, action, object, outcome)"
    " VALUES (2, gen_random_uuid(), 'a', 'b', 'c', 'd', 'done')"),
    ("INSERT INTO messaging.event (tenant_id, id, aggregate, aggregate_id, version, type, actor,"
    " occurred_at, data) VALUES (2, gen_random_uuid(), 'wallet', gen_random_uuid(), 1, 'x', 'y',"
    " now(), '{}')"),
])  # fmt: skip
async def test_nothing_can_be_written_into_another_tenant(two: Two, statement: str) -> None:
    with (
        two.as_front(A.id) as connection,
        pytest.raises(InsufficientPrivilege, match="row-level security"),
    ):
        connection.execute(statement.encode())


@pytest.mark.case("C6")
async def test_a_delete_of_another_tenants_row_touches_nothing(two: Two) -> None:
    """No process may delete a wallet at all: the policy holds even where one could."""
    with psycopg.connect(two.database.admin) as admin:
        admin.execute("GRANT DELETE ON wallets.wallet TO mmo_as_poster")
        admin.execute("SET LOCAL ROLE mmo_front")
        admin.execute("SET LOCAL app.tenant = '1'")
        assert admin.execute("DELETE FROM wallets.wallet WHERE tenant_id = 2").rowcount == 0
        assert admin.execute("DELETE FROM wallets.wallet").rowcount == 1
        admin.rollback()


@pytest.mark.case("C15")
@pytest.mark.parametrize("user", ["mmo_front", "mmo_api", "mmo_authorization", "mmo_background"])
@pytest.mark.parametrize("call", [
    "SELECT set_config('app.tenant', '2', true)",
    "SELECT name FROM wallets.wallet WHERE set_config('app.tenant', '2', true) = '2'",
    "SELECT pg_catalog.set_config('app.tenant', '2', false)",
    "DO $$ BEGIN PERFORM set_config('app.tenant', '2', true); END $$",
    "UPDATE pg_settings SET setting = '2' WHERE name = 'work_mem'",
])  # fmt: skip
def test_a_call_smuggled_into_a_query_names_no_tenant(
    database: Database, user: str, call: str
) -> None:
    with psycopg.connect(database.dsn(user)) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(call.encode())


@pytest.mark.case("C15")
async def test_a_second_statement_behind_bound_values_is_an_error(two: Two) -> None:
    with (
        two.as_front(A.id) as connection,
        pytest.raises(errors.SyntaxError, match="multiple commands"),
    ):
        connection.execute(f"{NAMES} WHERE owner = %s; SET app.tenant = '2'".encode(), ["alice"])


@pytest.mark.case("C12")
async def test_a_super_group_given_by_mistake_shows_nothing(two: Two) -> None:
    with psycopg.connect(two.database.admin) as admin:
        admin.execute("GRANT mmo_as_super, mmo_as_every_tenant TO mmo_front")
        admin.execute("SET LOCAL ROLE mmo_front")
        assert names(admin) == []
        admin.rollback()


async def test_loops_of_all_tenants_see_all_and_the_books_are_proved_over_all(two: Two) -> None:
    with psycopg.connect(two.database.dsn("mmo_background"), autocommit=True) as connection:
        assert sorted(names(connection)) == ["Alice of demo", "Alice of demo2"]
        assert all(check.holds for check in verify(connection))
