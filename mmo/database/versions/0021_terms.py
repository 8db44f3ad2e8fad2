"""Terms in decisions: what limits and free uses count, and the own date of the books."""

from mmo.database.run_sql import run_sql

revision = "0021_terms"
down_revision = "0020_parties"


def upgrade() -> None:
    run_sql(__file__)
