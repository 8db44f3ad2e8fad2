"""Reversals: each movement is counted once, of every step that moved money, and guarded."""

from mmo.database.run_sql import run_sql

revision = "0032_reversal_guard"
down_revision = "0031_pin_demanded"


def upgrade() -> None:
    run_sql(__file__)
