"""Stuck workflows: movements whose process does not go on, since when, and what was tried."""

from mmo.database.run_sql import run_sql

revision = "0037_stuck"
down_revision = "0036_acceptance"


def upgrade() -> None:
    run_sql(__file__)
