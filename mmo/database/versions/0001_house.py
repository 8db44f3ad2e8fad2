"""Schemas, groups of database users, tenants, and the event store."""

from mmo.database.run_sql import run_sql

revision = "0001_house"
down_revision = None


def upgrade() -> None:
    run_sql(__file__)
