"""What a tenant is: its kind, life cycle, country, calendar and settings."""

from mmo.database.run_sql import run_sql

revision = "0010_tenants"
down_revision = "0009_audit"


def upgrade() -> None:
    run_sql(__file__)
