"""Commands, facts, and the one writer of movements."""

from mmo.database.run_sql import run_sql

revision = "0004_movements"
down_revision = "0003_wallets"


def upgrade() -> None:
    run_sql(__file__)
