"""Reconciliations: workflow histories, journal and events of a span held against each other."""

from mmo.database.run_sql import run_sql

revision = "0028_reconciliations"
down_revision = "0027_watch"


def upgrade() -> None:
    run_sql(__file__)
