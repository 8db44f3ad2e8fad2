"""The sealer: chains and signs, for each tenant, what can no longer change its place.

A transaction below the oldest one still running has ended, so nothing can appear among rows that
are sealed. Postgres is asked for no lock: whoever appends never waits for a seal.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from psycopg_pool import AsyncConnectionPool

from mmo.audit.chain import Head, Seal, seal_after
from mmo.audit.streams import STREAMS, Stream

PAGE_MAX = 2000
"""Rows that one round seals of a stream; the last transaction is read whole, however long."""

Row = Sequence[Any]
Sign = Callable[[Mapping[str, Any]], Awaitable[str]]
"""Signs claims with the platform's key for seals; raises OSError while the key is away."""


class Sealer:
    """Seals page by page. Two at once do no harm: one of them fails at the number of its seal."""

    def __init__(self, pool: AsyncConnectionPool[Any], sign: Sign, page: int = PAGE_MAX) -> None:
        self._pool = pool
        self._sign = sign
        self._page = page

    async def round(self) -> bool:
        """Seal one page of each stream; true when there may be more."""
        full = [await self._seal(stream) for stream in STREAMS]
        return any(full)

    async def _seal(self, stream: Stream) -> bool:
        rows, full = await self._rows(stream)
        if not rows:
            return False
        reached = rows[-1][1]
        by_tenant = {
            tenant: list(own) for tenant, own in groupby(sorted(rows, key=_tenant), key=_tenant)
        }
        heads = await self._heads(stream, list(by_tenant))
        seals = [
            seal_after(
                heads.get(tenant, Head()), tenant=tenant, stream=stream.name, to_xid=reached,
                rows=own,
            )
            for tenant, own in by_tenant.items()
        ]  # fmt: skip
        signed = [await self._sign(seal.claims()) for seal in seals]
        await self._keep(stream, reached, seals, signed)
        return full

    async def _rows(self, stream: Stream) -> tuple[list[Row], bool]:
        """The next whole transactions, in the order of the feed, and whether the page is full."""
        query = f"""SELECT {stream.columns} FROM {stream.table}
                     WHERE xid > coalesce((SELECT xid FROM audit.sealed_to WHERE stream = %s), 0)
                       AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                     ORDER BY xid, seq"""  # noqa: S608 - the streams are ours
        async with self._pool.connection() as connection:
            cursor = await connection.execute(f"{query} LIMIT %s", [stream.name, self._page + 1])
            rows: list[Row] = await cursor.fetchall()
            if len(rows) <= self._page:
                return rows, False
            whole = [row for row in rows if row[1] != rows[-1][1]]
            if not whole:
                cursor = await connection.execute(
                    f"""SELECT {stream.columns} FROM {stream.table}
                         WHERE xid = %s ORDER BY xid, seq""",  # noqa: S608
                    [rows[-1][1]],
                )
                whole = await cursor.fetchall()
        return whole, True

    async def _heads(self, stream: Stream, tenants: list[int]) -> dict[int, Head]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """SELECT t.id, s.n, s.to_xid, s.hash, s.epoch
                     FROM unnest(%s::int[]) t (id)
                    CROSS JOIN LATERAL (SELECT n, to_xid, hash, epoch FROM audit.seal
                                         WHERE tenant_id = t.id AND stream = %s
                                         ORDER BY n DESC LIMIT 1) s""",
                [tenants, stream.name],
            )
            return {tenant: Head(*head) for tenant, *head in await cursor.fetchall()}

    async def _keep(
        self, stream: Stream, reached: int, seals: Sequence[Seal], signed: Sequence[str]
    ) -> None:
        """Write the seals and the position at once: after a crash all of them are made again."""
        async with self._pool.connection() as connection, connection.transaction():
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    """INSERT INTO audit.seal (tenant_id, stream, n, from_xid, to_xid, rows,
                                               previous, hash, epoch, signed)
                       VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                    [
                        (
                            seal.tenant_id, seal.stream, seal.n, seal.from_xid, seal.to_xid,
                            seal.rows, seal.previous, seal.hash, seal.epoch, text,
                        )
                        for seal, text in zip(seals, signed, strict=True)
                    ],
                )  # fmt: skip
            await connection.execute(
                """INSERT INTO audit.sealed_to (stream, xid) VALUES (%s, %s)
                   ON CONFLICT (stream) DO UPDATE SET xid = excluded.xid""",
                [stream.name, reached],
            )


def _tenant(row: Row) -> int:
    return row[0]
