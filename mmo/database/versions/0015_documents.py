"""Documents of any shape, and data tables."""

from mmo.database.run_sql import run_sql

revision = "0015_documents"
down_revision = "0014_approvals"


def upgrade() -> None:
    run_sql(__file__)
