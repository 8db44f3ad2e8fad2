"""Products: what an operator offers, by a number that rules and wallets name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.wallets.wallet import KINDS

PRODUCT_KINDS = (*KINDS, "loan", "savings")
_SELECT = "SELECT id, kind, name, created_by, created_at FROM wallets.product WHERE tenant_id = %s "


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product. It never changes: wallets and rules count on what its number means."""

    id: int
    kind: str
    name: str
    created_by: str
    created_at: datetime


async def find(connection: AsyncConnection[Any], tenant: int, number: int) -> Product | None:
    """One product by its number."""
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(_SELECT + "AND id = %s", [tenant, number])
    return await cursor.fetchone()


async def listed(
    connection: AsyncConnection[Any], tenant: int, after: int, limit: int
) -> list[Product]:
    """Products by number, a page at a time."""
    cursor = connection.cursor(row_factory=class_row(Product))
    await cursor.execute(_SELECT + "AND id > %s ORDER BY id LIMIT %s", [tenant, after, limit])
    return await cursor.fetchall()


async def add(
    connection: AsyncConnection[Any], tenant: int, number: int, kind: str, name: str, by: str
) -> None:
    """Add a product. Raises psycopg.errors.UniqueViolation where its number or name is taken."""
    await connection.execute(
        "INSERT INTO wallets.product (tenant_id, id, kind, name, created_by)"
        " VALUES (%s, %s, %s, %s, %s)",
        [tenant, number, kind, name, by],
    )
