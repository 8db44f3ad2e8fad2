"""Who stands too close to what they decide about: to its maker, or to the rule that asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """Why somebody stands too close to what they decide about, and whether that bars them."""

    why: list[str]
    blocks: bool


async def closeness(
    connection: AsyncConnection[Any], tenant: int, subject: str, maker: Iterable[str], event: str
) -> Closeness:
    """Whether they created the maker, or had a hand in a rule of the event within a day."""
    cursor = await connection.execute(
        "SELECT approvals.close(%s, %s, %s, %s)", [tenant, subject, sorted(maker), event]
    )
    row: Any = await cursor.fetchone()
    return Closeness(**row[0])
