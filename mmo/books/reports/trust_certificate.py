"""The trust certificate: e-money against what the banks say they hold, currency by currency."""

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books import postgres, trust
from mmo.books.reporting import Content, Report


async def _write(connection: AsyncConnection[Any], tenant: int, day: date) -> Content:
    balance = await postgres.trial_balance(connection, tenant, day)
    statements = await trust.of_day(connection, tenant, day)
    return {"rows": [one.row() for one in trust.certificates(balance, statements)]}


REPORT = Report(
    name="trust-certificate",
    title="Trust certificate",
    columns=("currency", "emoney", "bank", "shortfall", "backed"),
    amounts=frozenset({"emoney", "bank", "shortfall"}),
    write=_write,
)
