"""The reports of a day, found by their modules: each says its name and how it is written."""

import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

from psycopg import AsyncConnection
from psycopg.rows import dict_row

PACKAGE = "mmo.books.reports"
Content: TypeAlias = Mapping[str, Any]
"""JSON; amounts in minor units beside their currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. Its module in `mmo.books.reports` has it as REPORT."""

    name: str
    title: str
    columns: tuple[str, ...]
    """Of its rows, in order: how it looks as a table."""
    amounts: frozenset[str]
    """The columns that are minor units of the row's `currency`."""
    write: Callable[[AsyncConnection[Any], int, date], Awaitable[Content]]
    """Reads what the tenant's day came to, after it was balanced. `rows` are a member of it."""


@cache
def reports() -> dict[str, Report]:
    """Every report by its name."""
    modules = [
        import_module(f"{PACKAGE}.{found.name}")
        for found in pkgutil.iter_modules(import_module(PACKAGE).__path__)
    ]
    return {module.REPORT.name: module.REPORT for module in modules}


async def rows_of(
    connection: AsyncConnection[Any], query: str, tenant: int, day: date
) -> list[dict[str, Any]]:
    """The rows of a report, by one statement that knows `tenant` and `day`."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query.encode(), {"tenant": tenant, "day": day})
    return await cursor.fetchall()
