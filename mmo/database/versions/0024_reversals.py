"""Reversals and refunds: what came back of a movement, and liens on wallets that are short."""

from mmo.database.run_sql import run_sql

revision = "0024_reversals"
down_revision = "0023_repricing"


def upgrade() -> None:
    run_sql(__file__)
