"""Trials of rules: back-tests over recorded decisions, read by a login that sees nothing else."""

from mmo.database.run_sql import run_sql

revision = "0018_trials"
down_revision = "0017_changes"


def upgrade() -> None:
    run_sql(__file__)
