"""Names and numbers of wallets are sealed, and numbers are found by a blind index."""

from mmo.database.run_sql import run_sql

revision = "0011_sealing"
down_revision = "0010_tenants"


def upgrade() -> None:
    run_sql(__file__)
