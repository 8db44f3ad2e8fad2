"""The database as it is, held against what the code believes."""

import psycopg
import pytest
from sqlmodel import SQLModel

from mmo.projections.support import projector
from tests.servers.postgres import Database

assert projector.MODELS
SCHEMAS = (
    "tenancy", "messaging", "ledger", "movements", "wallets", "projections", "histories", "audit",
    "keys", "identity", "bep", "documents", "notifications", "tasks", "approvals", "changes",
    "trials", "parties", "dated", "books", "authorisations", "vouchers",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(new_database: "object") -> Database:
    return new_database()  # type: ignore[operator]


def test_every_read_model_has_the_columns_that_its_class_says(shared: Database) -> None:
    with psycopg.connect(shared.admin) as connection:
        for table in SQLModel.metadata.tables.values():
            rows = connection.execute(
                """SELECT column_name, is_nullable = 'YES' FROM information_schema.columns
                    WHERE table_schema = %s AND table_name = %s""",
                [table.schema, table.name],
            ).fetchall()
            assert dict(rows) == {c.name: bool(c.nullable) for c in table.columns}, table.name


def test_the_tenant_leads_every_key(shared: Database) -> None:
    with psycopg.connect(shared.admin) as connection:
        rows = connection.execute(
            """SELECT n.nspname || '.' || c.relname, a.attname
                 FROM pg_index i
                 JOIN pg_class c ON c.oid = i.indrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                WHERE i.indisprimary AND n.nspname = ANY (%s)""",
            [list(SCHEMAS)],
        ).fetchall()
    leads = dict(rows)
    own = {
        "tenancy.tenant": "id",
        "messaging.cursor": "consumer",
        "messaging.stream_mark": "stream",
        "audit.sealed_to": "stream",
    }

    assert leads
    assert {t: k for t, k in leads.items() if k != "tenant_id"} == own


def test_nobody_logs_in_as_an_owner(shared: Database) -> None:
    with psycopg.connect(shared.admin) as connection:
        rows = connection.execute(
            """SELECT DISTINCT pg_get_userbyid(c.relowner), r.rolcanlogin
                 FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_roles r ON r.oid = c.relowner
                WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v')""",
            [list(SCHEMAS)],
        ).fetchall()

    assert {name for name, _ in rows} == {"mmo_owner", "mmo_as_projector"}
    assert not any(can_log_in for _, can_log_in in rows)


WRITES = [
    "INSERT INTO ledger.tenant (tenant_id) VALUES (9)",
    "UPDATE ledger.account SET posted = 1",
    "DELETE FROM ledger.journal",
    "UPDATE ledger.entry SET amount = 1",
    "UPDATE messaging.event SET data = '{}'",
    "DELETE FROM messaging.event",
    "UPDATE movements.command SET state = 'posted'",
    "UPDATE histories.history SET content = ''",
]  # fmt: skip


@pytest.mark.parametrize("user", ["mmo_front", "mmo_background", "mmo_projector"])
@pytest.mark.parametrize("statement", WRITES)
def test_no_process_can_write_the_books_past_their_functions(
    shared: Database, user: str, statement: str
) -> None:
    with (
        psycopg.connect(shared.dsn(user)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)
