"""Four eyes: whether a second person must approve, and how two people agree that none need."""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from mmo.kernel.envelope import Actor

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class FourEyes:
    """The policy that the table `<schema>.settings` keeps for each tenant."""

    schema: str

    async def needed(self, connection: Connection, tenant: int) -> bool:
        """Whether a second person is needed; so it is where the tenant says nothing."""
        cursor = await connection.execute(
            SQL("SELECT four_eyes FROM {}.settings WHERE tenant_id = %s").format(
                Identifier(self.schema)
            ),
            [tenant],
        )
        row = await cursor.fetchone()
        return row is None or bool(row[0])

    async def set(
        self, connection: Connection, tenant: int, wanted: bool, waiver: str | None = None
    ) -> None:
        """Say whether a second person is needed, or who asks that none be."""
        await connection.execute(
            SQL("""INSERT INTO {}.settings AS s (tenant_id, four_eyes, waiver_by)
                   VALUES (%s, %s, %s) ON CONFLICT (tenant_id) DO UPDATE
                      SET four_eyes = excluded.four_eyes,
                          waiver_by = excluded.waiver_by""").format(Identifier(self.schema)),
            [tenant, wanted, waiver],
        )

    async def ask(self, connection: Connection, tenant: int, wanted: bool, by: Actor) -> bool:
        """Let somebody say whether a second person is needed; tell whether one is now.

        That none is needed is itself agreed by two: the first one to say so only asks.
        """
        now = await self.needed(connection, tenant)
        asked = await self.waiver(connection, tenant, lock=True)
        agreed = not now or (asked is not None and asked not in by.people)
        needed = wanted or not agreed
        await self.set(connection, tenant, needed, by.subject if needed and not wanted else None)
        return needed

    async def waiver(
        self, connection: Connection, tenant: int, *, lock: bool = False
    ) -> str | None:
        """Who has asked that none be needed. `lock`: until the transaction ends."""
        cursor = await connection.execute(
            SQL("SELECT waiver_by FROM {}.settings WHERE tenant_id = %s {}").format(
                Identifier(self.schema), SQL("FOR UPDATE" if lock else "")
            ),
            [tenant],
        )
        row = await cursor.fetchone()
        return row[0] if row else None
