"""The day of the books: business date, end of day, trial balances, and statements of the trust."""

from mmo.database.run_sql import run_sql

revision = "0025_books"
down_revision = "0024_reversals"


def upgrade() -> None:
    run_sql(__file__)
