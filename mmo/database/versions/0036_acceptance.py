"""Acceptance: only what was accepted is posted, and later steps rest on rows."""

from mmo.database.run_sql import run_sql

revision = "0036_acceptance"
down_revision = "0035_webhooks"


def upgrade() -> None:
    run_sql(__file__)
