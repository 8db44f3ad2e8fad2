"""Dated terms: tariffs and other documents that begin and end in time, approved by two people."""

from mmo.database.run_sql import run_sql

revision = "0019_dated"
down_revision = "0018_trials"


def upgrade() -> None:
    run_sql(__file__)
