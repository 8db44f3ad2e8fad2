"""Run the SQL file that stands beside a migration."""

from pathlib import Path

from alembic import op


def run_sql(module: str) -> None:
    """Execute the whole file of the migration's own name, with the ending `.sql`."""
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    connection.execute(Path(module).with_suffix(".sql").read_bytes())  # pyright: ignore[reportUnknownMemberType]
