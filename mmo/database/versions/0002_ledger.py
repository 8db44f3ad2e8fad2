"""The ledger: accounts, journal, entries, holds, and the posting functions."""

from mmo.database.run_sql import run_sql

revision = "0002_ledger"
down_revision = "0001_house"


def upgrade() -> None:
    run_sql(__file__)
