"""Back-tests of tariffs beside those of rules."""

from mmo.database.run_sql import run_sql

revision = "0023_repricing"
down_revision = "0022_claims"


def upgrade() -> None:
    run_sql(__file__)
