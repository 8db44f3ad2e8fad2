"""Fixtures of the ledger's tests."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.mmo.ledger.books import Books
from tests.servers.postgres import Database


@pytest.fixture
def books(database: Database) -> Iterator[Books]:
    """Empty books of tenant 1, over an administrator's connection."""
    with psycopg.connect(database.admin, autocommit=True) as connection:
        yield Books(connection)


@pytest.fixture
def as_user(database: Database) -> Iterator[Callable[[str], psycopg.Connection[Any]]]:
    """Connect as a role's user."""
    opened: list[psycopg.Connection[Any]] = []

    def connect(user: str) -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(database.dsn(user), autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
