"""Opening tenants, groups of them, what a group shares, and code lists."""

from mmo.database.run_sql import run_sql

revision = "0012_sharing"
down_revision = "0011_sealing"


def upgrade() -> None:
    run_sql(__file__)
