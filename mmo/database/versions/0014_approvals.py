"""Approvals, decisions and substitutes."""

from mmo.database.run_sql import run_sql

revision = "0014_approvals"
down_revision = "0013_bep"


def upgrade() -> None:
    run_sql(__file__)
