"""The register of keys: which there are, for what, in which state; and the wrapped data keys."""

from mmo.database.run_sql import run_sql

revision = "0007_keys"
down_revision = "0006_isolation"


def upgrade() -> None:
    run_sql(__file__)
