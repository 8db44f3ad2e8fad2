"""PostgreSQL for tests: one server per run, and a fresh migrated database in some milliseconds."""

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from mmo.database.migrate import grant_logins, migrate
from mmo.settings import Settings
from tests.servers.recycling import Pristine
from tests.servers.shared import shared, start_server
from workers import roles
from workers.stack.postgres import Postgres
from workers.stack.processes import free_port

PASSWORD = "test"  # of every user of a server that only this run can reach
TEMPLATE = "mmo_template"
FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}
"""A killed process loses nothing with these; a machine that loses power would."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the server, migrated, empty, and nobody else's."""

    name: str
    port: int

    @property
    def admin(self) -> str:
        """Connection string of the superuser."""
        return self.dsn("postgres")

    def dsn(self, user: str) -> str:
        """Connection string of a role's user, such as `mmo_front`."""
        return (
            f"host=127.0.0.1 port={self.port} dbname={self.name} user={user} "
            f"password={PASSWORD} connect_timeout=5"
        )

    def environment(self, user: str) -> dict[str, str]:
        """The settings of a process with this database, as environment variables."""
        return {
            "MMO_DATABASE_HOST": "127.0.0.1",
            "MMO_DATABASE_PORT": str(self.port),
            "MMO_DATABASE_NAME": self.name,
            "MMO_DATABASE_USER": user,
            "MMO_DATABASE_PASSWORD": PASSWORD,
        }

    def settings(self, user: str, **more: Any) -> Settings:
        """The settings of a process with this database."""
        named = {k.removeprefix("MMO_").lower(): v for k, v in self.environment(user).items()}
        return Settings(**{**named, **more})


@dataclass(slots=True)
class PostgresServer:
    """The server of this run."""

    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _free: list[Database] = field(default_factory=list[Database])
    _pristine: Pristine | None = None

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        return Database(database, self.port).dsn(user)

    def create(self) -> Database:
        """A fresh database: one that was restored, or a copy of one that was migrated once."""
        if self._free:
            return self._free.pop()
        name = f"mmo_{os.getpid()}_{next(self._numbers)}"
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run(make.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        made = Database(name, self.port)
        if self._pristine is None:
            self._pristine = Pristine.of(made.admin)
        return made

    def drop(self, database: Database) -> None:
        """Keep it for another test, restored; else remove it, whoever is still connected."""
        if self._pristine is not None and self._pristine.restore(database.admin):
            self._free.append(database)
            return
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement)


def start_postgres(home: Path, more: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Start a server with its template in `home`; answer with its pid and its port.

    `more`: settings beside those of all tests. Where all who used one have ended it and another
    begins again, the template is there already.
    """
    settings = {**FAST, **(more or {})}
    server = Postgres(
        folder=home / "postgres", port=free_port(), password=PASSWORD, settings=settings
    )
    process = start_server(server.prepare(), home / "postgres.log", server.ready)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE])
        if known.fetchone() is None:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(server.dsn(TEMPLATE))
    grant_logins(server.dsn(TEMPLATE), LOGINS)
    return process.pid, {"port": server.port}


LOGINS = {user: (group, PASSWORD) for user, group in roles.LOGINS.items()}


@contextmanager
def postgres_of(run: Path) -> Iterator[PostgresServer]:
    """The one server of the run whose folder this is."""
    with shared(run, "postgres", start_postgres) as facts:
        yield PostgresServer(facts["port"])


@contextmanager
def postgres_with(run: Path, **settings: str) -> Iterator[PostgresServer]:
    """A server with settings of its own, in a folder of its own."""

    def start(home: Path) -> tuple[int, dict[str, Any]]:
        return start_postgres(home, settings)

    with shared(run, "postgres", start) as facts:
        yield PostgresServer(facts["port"])
