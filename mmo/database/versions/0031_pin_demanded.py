"""A PIN is demanded for whatever moves a customer's money."""

from mmo.database.run_sql import run_sql

revision = "0031_pin_demanded"
down_revision = "0030_mini_statements"


def upgrade() -> None:
    run_sql(__file__)
