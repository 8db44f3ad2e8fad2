"""What reactions bring about: messages, notifications, webhooks and tasks."""

from mmo.database.run_sql import run_sql

revision = "0016_effects"
down_revision = "0015_documents"


def upgrade() -> None:
    run_sql(__file__)
