"""Movements that sleep: what was tried and refused leaves them waiting, and vouchers have codes."""

from mmo.database.run_sql import run_sql

revision = "0026_sleeping"
down_revision = "0025_books"


def upgrade() -> None:
    run_sql(__file__)
