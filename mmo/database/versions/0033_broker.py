"""What the broker's readers and its relay remember, so that its losses cost nothing."""

from mmo.database.run_sql import run_sql

revision = "0033_broker"
down_revision = "0032_reversal_guard"


def upgrade() -> None:
    run_sql(__file__)
