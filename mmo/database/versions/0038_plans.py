"""Plans: the functions of a movement's path keep their plans."""

from mmo.database.run_sql import run_sql

revision = "0038_plans"
down_revision = "0037_stuck"


def upgrade() -> None:
    run_sql(__file__)
