"""Read models and kept histories."""

from mmo.database.run_sql import run_sql

revision = "0005_projections"
down_revision = "0004_movements"


def upgrade() -> None:
    run_sql(__file__)
