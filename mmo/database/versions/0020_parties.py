"""Parties: who the operator knows, the agent tree, offices; and wallets that know their party."""

from mmo.database.run_sql import run_sql

revision = "0020_parties"
down_revision = "0019_dated"


def upgrade() -> None:
    run_sql(__file__)
