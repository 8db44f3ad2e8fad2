"""Claims: what there is only so much of, whoever asks; and terms that commands were promised."""

from mmo.database.run_sql import run_sql

revision = "0022_claims"
down_revision = "0021_terms"


def upgrade() -> None:
    run_sql(__file__)
