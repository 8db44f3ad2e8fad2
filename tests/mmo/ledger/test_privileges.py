"""Who may touch the books: everyone through the functions, nobody past them."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from mmo.ledger.verify import verify
from tests.mmo.ledger.books import Books, batch, pay

Connect = Callable[[str], psycopg.Connection[Any]]
TABLES = ("account", "journal", "entry", "hold", "hot_delta", "usage", "tenant")


def test_a_poster_posts_through_the_function(books: Books, as_user: Connect) -> None:
    alice, bob = books.open(funds=1000), books.open()

    batch(as_user("mmo_front"), [pay(alice, bob, 100)])

    assert books.posted(bob) == 100


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("user", ["mmo_front", "mmo_background"])
def test_nobody_writes_a_table_past_the_functions(
    books: Books, as_user: Connect, user: str, table: str
) -> None:
    books.open(funds=1000)
    connection = as_user(user)
    connection.execute(f"SELECT * FROM ledger.{table}".encode())

    for change in (
        f"UPDATE ledger.{table} SET tenant_id = 2",
        f"DELETE FROM ledger.{table}",
        f"TRUNCATE ledger.{table}",
        f"INSERT INTO ledger.{table} (tenant_id) VALUES (1)",
    ):
        with pytest.raises(InsufficientPrivilege):
            connection.execute(change.encode())


def test_a_reader_reads_and_proves_but_cannot_post(books: Books, as_user: Connect) -> None:
    alice, bob = books.open(funds=1000), books.open()
    reader = as_user("mmo_projector")

    assert all(check.holds for check in verify(reader))
    with pytest.raises(InsufficientPrivilege):
        batch(reader, [pay(alice, bob, 100)])


@pytest.mark.parametrize("table", ["journal", "entry", "journal_default", "entry_default"])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET tenant_id = 2", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_not_even_the_administrator_changes_what_is_recorded(
    books: Books, table: str, change: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match="append-only"):
        books.connection.execute(change.format(f"ledger.{table}").encode())


def test_nobody_logs_in_as_the_owner(books: Books) -> None:
    owners = "SELECT bool_or(rolcanlogin) FROM pg_roles r JOIN pg_class c ON c.relowner = r.oid"

    assert books.one(f"{owners} WHERE c.relnamespace = 'ledger'::regnamespace") is False
