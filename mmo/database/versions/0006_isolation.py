"""Row-level security on every table of a tenant, and groups that see more than one."""

from mmo.database.run_sql import run_sql

revision = "0006_isolation"
down_revision = "0005_projections"


def upgrade() -> None:
    run_sql(__file__)
