"""Audit: who did what, for ever, and seals that show whether it was changed afterwards."""

from mmo.database.run_sql import run_sql

revision = "0009_audit"
down_revision = "0008_identity"


def upgrade() -> None:
    run_sql(__file__)
