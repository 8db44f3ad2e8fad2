"""Make the mmo database, migrate it, and give every role its login. Safe to repeat."""

from collections.abc import Callable

import psycopg
from psycopg import sql

from mmo.settings import Settings
from workers.roles import LOGINS
from workers.stack.launch import StackError
from workers.stack.postgres import make_password


def prepare_database(admin: Settings, progress: Callable[[str], None] = lambda _: None) -> str:
    """Bring the database that `admin` may change to the newest version; answer with it.

    Each role's password is read from, or made in, `admin.secrets`. Raises StackError.
    """
    # Alembic takes a second to load, and most commands that know the plan migrate nothing.
    from mmo.database.migrate import NewerDatabaseError, grant_logins, migrate  # noqa: PLC0415

    try:
        _create(admin)
        version = migrate(admin.dsn(), progress)
        logins = {
            user: (group, make_password(admin.secrets / user)) for user, group in LOGINS.items()
        }
        grant_logins(admin.dsn(), logins)
    except NewerDatabaseError as error:
        raise StackError(f"{error}, newer than this mmo: use a newer mmo") from error
    except psycopg.OperationalError as error:
        raise StackError(f"the database refused: {str(error).splitlines()[0]}") from error
    return version


def _create(admin: Settings) -> None:
    wanted = admin.database_name
    server = admin.model_copy(update={"database_name": "postgres"})
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        if not connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [wanted]
        ).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(wanted)))
