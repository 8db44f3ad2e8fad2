"""Mini-statements: whoever carries a change out may queue a short message."""

from mmo.database.run_sql import run_sql

revision = "0030_mini_statements"
down_revision = "0029_authorisations"


def upgrade() -> None:
    run_sql(__file__)
