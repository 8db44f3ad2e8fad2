"""Databases used again: emptied in some milliseconds, where making one anew takes a second.

A database is used again only where nobody is connected to it any more, its schema is what was
migrated, and little is to be deleted; else it is dropped, as one would expect of it.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

GONE_S = 0.5
"""How long those who have just closed their connections may take to be gone."""
ROWS_MAX = 5_000
"""With more rows than that to be deleted, a fresh one is cheaper, and has no bloat."""

CATALOGUES = (
    "pg_attribute", "pg_class", "pg_constraint", "pg_namespace", "pg_policy", "pg_proc",
    "pg_trigger", "pg_type",
)  # fmt: skip

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Pristine:
    """What the template holds: its schema, the rows that migrations have put there, sequences."""

    schema: list[tuple[str, int, int]]
    rows: Mapping[str, bytes]
    sequences: Mapping[str, tuple[int, bool]]

    @classmethod
    def of(cls, dsn: str) -> "Pristine":
        """Read it from a database that nobody has used yet."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            rows = {table: _dumped(connection, table) for table in _filled(connection)}
            return cls(_schema(connection), rows, dict(_sequences(connection)))

    def restore(self, dsn: str) -> bool:
        """Make a used database what it was at first; false where it has to be made anew."""
        with psycopg.connect(dsn) as connection:
            if not _alone(connection) or _schema(connection) != self.schema:
                return False
            connection.execute("SET session_replication_role = replica")  # no trigger, no reference
            deleted = sum(_emptied(connection, table) for table in _filled(connection))
            for table, rows in self.rows.items():
                with connection.cursor().copy(_copy(table, "FROM STDIN")) as copy:
                    copy.write(rows)
            for sequence, (last, called) in self.sequences.items():
                connection.execute("SELECT setval(%s, %s, %s)", [sequence, last, called])
        return deleted < ROWS_MAX


def _alone(connection: Connection) -> bool:
    """Whether all others have gone: whoever has not might write into somebody else's test."""
    until = time.monotonic() + GONE_S
    while True:
        row = connection.execute(
            """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                  AND backend_type = 'client backend'"""
        ).fetchone()
        connection.commit()  # the next look is at a new snapshot
        if row == (0,) or time.monotonic() > until:
            return row == (0,)
        time.sleep(0.02)


def _schema(connection: Connection) -> list[tuple[str, int, int]]:
    """What DDL changes: of each catalogue, how many rows it has and which is the newest."""
    asked = " UNION ALL ".join(
        f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name}" for name in CATALOGUES
    )
    return connection.execute(asked.encode()).fetchall()


def _filled(connection: Connection) -> list[str]:
    """The tables that have rows."""
    written = connection.execute(
        """SELECT oid::regclass::text FROM pg_class
            WHERE relkind = 'r' AND pg_relation_size(oid) > 0 AND relnamespace NOT IN
                  ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            ORDER BY 1"""
    ).fetchall()
    asked = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for (name,) in written
    )
    return [name for (name,) in connection.execute(asked.encode()).fetchall()]


def _emptied(connection: Connection, table: str) -> int:
    return connection.execute(f"DELETE FROM {table}".encode()).rowcount


def _dumped(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(_copy(table, "TO STDOUT")) as copy:
        return b"".join(bytes(part) for part in copy)


def _copy(table: str, way: str) -> sql.SQL:
    return sql.SQL(f"COPY {table} {way}")  # pyright: ignore[reportArgumentType] - of the catalogue


def _sequences(connection: Connection) -> Iterator[tuple[str, tuple[int, bool]]]:
    names = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'"
    ).fetchall()
    for (name,) in names:
        row = connection.execute(f"SELECT last_value, is_called FROM {name}".encode()).fetchone()
        assert row is not None
        yield name, row
