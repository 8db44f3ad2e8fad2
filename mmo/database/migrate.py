"""Bring a database to the newest version of the schema, and give each role its login."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine

VERSIONS = Path(__file__).parent


class NewerDatabaseError(Exception):
    """The database was migrated by a newer version of mmo than this one."""


def migrate(dsn: str, progress: Callable[[str], None] = lambda _: None) -> str:
    """Run what is missing, forward only, in one transaction; answer with the version reached.

    Safe to repeat. Raises NewerDatabaseError where the database is ahead of the code.
    """
    script = _script()
    known = {revision.revision for revision in script.walk_revisions()}
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7302271)")

        def steps(current: Any, _: Any) -> list[Any]:
            unknown = set(current) - known
            if unknown:
                raise NewerDatabaseError(f"the database is at version {min(unknown)}")
            missing = list(script._upgrade_revs("head", current))  # noqa: SLF001 (alembic's own way)
            for step in missing:
                progress(step.revision.revision)
            return missing

        with EnvironmentContext(script_config(), script, fn=steps) as context:
            context.configure(connection=connection, version_table_schema="public")
            with context.begin_transaction():
                context.run_migrations()
    engine.dispose()
    return script.get_current_head() or ""


def grant_logins(dsn: str, logins: Mapping[str, tuple[str, str]]) -> None:
    """Create or renew login users: user → (group it belongs to, password). Safe to repeat.

    A user inherits from that one group and cannot become it; from any group that it is given by
    mistake it inherits nothing. Needs PostgreSQL 16.
    """
    with psycopg.connect(dsn) as connection:
        for user, (group, password) in logins.items():
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user])
            verb = sql.SQL("ALTER" if known.fetchone() else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOINHERIT PASSWORD {}").format(
                    verb, sql.Identifier(user), sql.Literal(password)
                )
            )
            connection.execute(
                sql.SQL("GRANT {} TO {} WITH INHERIT TRUE, SET FALSE").format(
                    sql.Identifier(group), sql.Identifier(user)
                )
            )


def script_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(VERSIONS))
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(script_config())
