"""Wallets."""

from mmo.database.run_sql import run_sql

revision = "0003_wallets"
down_revision = "0002_ledger"


def upgrade() -> None:
    run_sql(__file__)
