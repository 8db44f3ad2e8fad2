"""One-time authorisation codes: a customer's yes, given before a merchant asks."""

from mmo.database.run_sql import run_sql

revision = "0029_authorisations"
down_revision = "0028_reconciliations"


def upgrade() -> None:
    run_sql(__file__)
