"""Receipts of the SMS centre find their part however the id is written, and no other."""

from mmo.database.run_sql import run_sql

revision = "0034_receipts"
down_revision = "0033_broker"


def upgrade() -> None:
    run_sql(__file__)
