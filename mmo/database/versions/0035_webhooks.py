"""Webhook endpoints that are gone, that ask for a rest, or that are pinged."""

from mmo.database.run_sql import run_sql

revision = "0035_webhooks"
down_revision = "0034_receipts"


def upgrade() -> None:
    run_sql(__file__)
