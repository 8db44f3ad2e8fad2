"""Who may: users, roles, clients, log-ins, refresh families, and the PIN vault."""

from mmo.database.run_sql import run_sql

revision = "0008_identity"
down_revision = "0007_keys"


def upgrade() -> None:
    run_sql(__file__)
