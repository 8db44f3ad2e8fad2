"""`mmo migrate`: bring the database to the newest version of the schema."""

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, console, home_of
from workers.stack.database import prepare_database
from workers.stack.plan import ADMIN, stack_settings

app = typer.Typer()


@app.command()
def migrate(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Create the database, run the migrations that are missing, renew the roles' logins.

    For the stack of this home, or, where there is none, for the database of the environment's
    settings, whose user must be allowed to. Safe to repeat; `mmo up` does it too.

    Example: `MMO_DATABASE_HOST=db MMO_DATABASE_USER=postgres mmo migrate`
    """
    admin = stack_settings(home_of(home).path, ADMIN)
    version = prepare_database(admin, lambda step: console.print(f"  {step}"))
    console.print(f"The database is at version {version}.")
