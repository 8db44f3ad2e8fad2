"""The watch over the books, the freeze of issuance, and figures by the minute."""

from mmo.database.run_sql import run_sql

revision = "0027_watch"
down_revision = "0026_sleeping"


def upgrade() -> None:
    run_sql(__file__)
