"""Changes: commands that move no money, what rules said of them, and those that wait."""

from mmo.database.run_sql import run_sql

revision = "0017_changes"
down_revision = "0016_effects"


def upgrade() -> None:
    run_sql(__file__)
