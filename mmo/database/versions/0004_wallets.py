"""Wallets."""

from mmo.database.run_sql import run_sql

revision = "0004_wallets"
down_revision = "0003_movements"


def upgrade() -> None:
    run_sql(__file__)
