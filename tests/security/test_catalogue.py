"""The database keeps tenants apart, table by table, and says so where one forgets to."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.security.catalogue import APP_LOGINS, CHECKS, OTHER_INDEXES, TENANTLESS
from tests.servers.postgres import Database


@pytest.fixture(scope="module")
def admin(new_database: Callable[[], Database]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_database().admin) as connection:
        yield connection


@pytest.mark.case("C12")
@pytest.mark.case("C13")
@pytest.mark.case("C14")
@pytest.mark.parametrize("check", CHECKS)
def test_nothing_in_the_database_forgets_the_tenant(
    admin: psycopg.Connection[Any], check: str
) -> None:
    assert CHECKS[check](admin) == []


PLAIN = "CREATE TABLE wallets.note (tenant_id int, id int, PRIMARY KEY (tenant_id, id))"
BOUND = f"{PLAIN}; SELECT tenancy.isolate('wallets.note')"
PLANTED = [
    pytest.param("tables_without_tenant", "CREATE TABLE wallets.note (id int PRIMARY KEY)",
                 "wallets.note", marks=pytest.mark.case("C13")),
    pytest.param("tables_not_bound", PLAIN, "wallets.note", marks=pytest.mark.case("C13")),
    pytest.param("tables_not_bound",
                 f"{BOUND}; ALTER TABLE wallets.note NO FORCE ROW LEVEL SECURITY",
                 "wallets.note", marks=pytest.mark.case("C13")),
    pytest.param("tables_not_bound", f"{BOUND}; DROP POLICY own_delete ON wallets.note",
                 "one policy per command", marks=pytest.mark.case("C13")),
    pytest.param("tables_not_bound",
                 "CREATE TABLE ledger.entry_209901 PARTITION OF ledger.entry "
                 "FOR VALUES FROM (209901) TO (209902)",
                 "ledger.entry_209901", marks=pytest.mark.case("C13")),
    pytest.param("policies_beyond",
                 "CREATE POLICY all_of_it ON wallets.wallet TO mmo_as_poster USING (true)",
                 "wallets.wallet all_of_it", marks=pytest.mark.case("C13")),
    pytest.param("policies_beyond",
                 "CREATE POLICY writes ON wallets.wallet FOR UPDATE TO mmo_as_super USING (true)",
                 "wallets.wallet writes", marks=pytest.mark.case("C13")),
    pytest.param("shared_beyond", "SELECT tenancy.make_shareable('wallets.wallet', 'wallets')",
                 "wallets.wallet", marks=pytest.mark.case("C7")),
    pytest.param("shared_beyond",
                 "CREATE POLICY writes ON code_lists.value FOR UPDATE TO mmo_as_reader "
                 "USING (tenant_id::text = current_setting('app.tenants_code_lists', true))",
                 "code_lists.value", marks=pytest.mark.case("C6")),
    pytest.param("indexes_that_do_not_lead",
                 "CREATE UNIQUE INDEX global_alias ON wallets.wallet (msisdn)",
                 "wallets.global_alias", marks=pytest.mark.case("C13")),
    pytest.param("indexes_that_do_not_lead",
                 "CREATE INDEX by_name ON wallets.wallet (lower(name))",
                 "wallets.by_name", marks=pytest.mark.case("C13")),
    pytest.param("foreign_keys_that_do_not_lead",
                 f"{BOUND}; ALTER TABLE wallets.note ADD UNIQUE (id);"
                 "CREATE TABLE wallets.mark (tenant_id int, note int REFERENCES wallets.note (id))",
                 "wallets.mark.mark_note_fkey", marks=pytest.mark.case("C13")),
    pytest.param("views_of_their_owner",
                 "CREATE VIEW wallets.names AS SELECT name FROM wallets.wallet",
                 "wallets.names", marks=pytest.mark.case("C14")),
    pytest.param("views_of_their_owner",
                 "CREATE MATERIALIZED VIEW wallets.names AS SELECT name FROM wallets.wallet",
                 "wallets.names", marks=pytest.mark.case("C14")),
    pytest.param("members_beyond", "GRANT mmo_as_super TO mmo_front",
                 "mmo_front → mmo_as_super", marks=pytest.mark.case("C12")),
    pytest.param("members_beyond", "GRANT mmo_as_every_tenant TO mmo_as_poster WITH INHERIT FALSE",
                 "mmo_api → mmo_as_every_tenant", marks=pytest.mark.case("C12")),
    pytest.param("members_beyond", "GRANT mmo_owner TO mmo_movements WITH INHERIT FALSE, SET FALSE",
                 "mmo_movements → mmo_owner", marks=pytest.mark.case("C12")),
    pytest.param("members_beyond", "ALTER ROLE mmo_authorization BYPASSRLS",
                 "mmo_authorization → mmo_authorization", marks=pytest.mark.case("C12")),
    pytest.param("logins_that_inherit", "ALTER ROLE mmo_front INHERIT",
                 "mmo_front", marks=pytest.mark.case("C12")),
    pytest.param("logins_that_inherit", "GRANT mmo_as_poster TO mmo_api WITH SET TRUE",
                 "mmo_api: mmo_as_poster", marks=pytest.mark.case("C12")),
    pytest.param("scope_setters",
                 "GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC",
                 "mmo_front", marks=pytest.mark.case("C15")),
    pytest.param("rights_past_policies", "GRANT TRUNCATE ON wallets.wallet TO mmo_as_background",
                 "wallets.wallet: TRUNCATE to mmo_as_background", marks=pytest.mark.case("C13")),
    pytest.param("rights_past_policies", "GRANT REFERENCES ON wallets.wallet TO PUBLIC",
                 "wallets.wallet: REFERENCES to PUBLIC", marks=pytest.mark.case("C13")),
    pytest.param("writers_beyond_their_context", "GRANT INSERT ON wallets.wallet TO mmo_as_relay",
                 "mmo_as_relay writes wallets.wallet", marks=pytest.mark.case("C12")),
    pytest.param("writers_beyond_their_context",
                 "GRANT UPDATE (name) ON wallets.wallet TO mmo_as_super",
                 "mmo_as_super writes wallets.wallet", marks=pytest.mark.case("C12")),
    pytest.param("readers_that_change", "GRANT EXECUTE ON FUNCTION movements.keep TO mmo_as_reader",
                 "movements.keep(integer,uuid)", marks=pytest.mark.case("C12")),
    pytest.param("loose_functions",
                 "CREATE FUNCTION wallets.all() RETURNS SETOF wallets.wallet LANGUAGE sql "
                 "SECURITY DEFINER AS 'SELECT * FROM wallets.wallet'",
                 'wallets."all"()', marks=pytest.mark.case("C12")),
]  # fmt: skip


@pytest.mark.parametrize(("check", "statement", "named"), PLANTED)
def test_what_forgets_the_tenant_is_named(
    admin: psycopg.Connection[Any], check: str, statement: str, named: str
) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute(statement.encode())
        found = CHECKS[check](admin)

    assert any(named in one for one in found), found
    assert CHECKS[check](admin) == []


def test_every_check_was_seen_to_fail() -> None:
    assert {str(one.values[0]) for one in PLANTED} == set(CHECKS)


def test_every_exemption_is_still_of_something(admin: psycopg.Connection[Any]) -> None:
    for name in [*TENANTLESS, *OTHER_INDEXES]:
        assert admin.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,), name
    for login in APP_LOGINS:
        assert admin.execute("SELECT to_regrole(%s)", [login]).fetchone() != (None,), login


@pytest.mark.case("C12")
def test_a_group_that_is_given_by_mistake_shows_nothing(admin: psycopg.Connection[Any]) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("GRANT mmo_as_super, mmo_as_every_tenant TO mmo_front")
        inherited = admin.execute(
            """SELECT pg_has_role('mmo_front', 'mmo_as_super', 'USAGE'),
                      pg_has_role('mmo_front', 'mmo_as_every_tenant', 'USAGE'),
                      pg_has_role('mmo_front', 'mmo_as_poster', 'USAGE')"""
        ).fetchone()

    assert inherited == (False, False, True)
