"""Rules of the operator, products, flags, and who asked with which roles."""

from mmo.database.run_sql import run_sql

revision = "0013_bep"
down_revision = "0012_sharing"


def upgrade() -> None:
    run_sql(__file__)
