"""The document store in Postgres: JSONB rows, with one table of index entries for all kinds."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.documents import kinds, writing
from mmo.documents.document import Document, Kind, NewKind, Version
from mmo.documents.ports import NoDocumentError, NoKindError, NotIndexedError
from mmo.documents.writing import SELECT
from mmo.kernel.envelope import Actor
from mmo.tenancy.scope import scoped

VERSIONS_MAX = 200


class PostgresDocuments:
    """The port `DocumentStore`. `ring` is called after each change, so that the feed is read."""

    def __init__(self, pool: AsyncConnectionPool[Any], ring: Callable[[], None]) -> None:
        self._pool = pool
        self._ring = ring

    async def put_kind(self, tenant: int, kind: NewKind, version: int | None, actor: Actor) -> Kind:
        async with scoped(self._pool, tenant) as connection:
            before, after = await writing.put_kind(connection, tenant, kind, version, actor)
            record = Record(
                tenant_id=tenant, actor=actor.subject, client=actor.client,
                action="document-kind.set", object=f"document-kind/{kind.name}",
                before=digest_of(asdict(before)) if before else None,
                after=digest_of(asdict(after)),
            )  # fmt: skip
            await note(connection, record)
        return after

    async def kind(self, tenant: int, name: str) -> Kind:
        async with scoped(self._pool, tenant) as connection:
            return await _kind(connection, tenant, name)

    async def kinds(self, tenant: int, after: str, limit: int) -> list[Kind]:
        async with scoped(self._pool, tenant) as connection:
            return await kinds.listed(connection, tenant, after, limit)

    async def create(
        self, tenant: int, kind: str, identifier: UUID, subject: str | None, body: dict[str, Any],
        actor: Actor,
    ) -> Document:  # fmt: skip
        async with scoped(self._pool, tenant) as connection:
            made = await writing.create(connection, tenant, kind, identifier, subject, body, actor)
        self._ring()
        return made

    async def change(
        self, tenant: int, kind: str, identifier: UUID, version: int, body: dict[str, Any],
        actor: Actor,
    ) -> Document:  # fmt: skip
        async with scoped(self._pool, tenant) as connection:
            changed = await writing.change(
                connection, tenant, kind, identifier, version, body, actor
            )
        self._ring()
        return changed

    async def remove(
        self, tenant: int, kind: str, identifier: UUID, version: int, actor: Actor
    ) -> None:
        async with scoped(self._pool, tenant) as connection:
            await writing.remove(connection, tenant, kind, identifier, version, actor)
        self._ring()

    async def find(self, tenant: int, kind: str, identifier: UUID) -> Document:
        async with scoped(self._pool, tenant) as connection:
            cursor = connection.cursor(row_factory=class_row(Document))
            await cursor.execute(SELECT + "AND id = %s", [tenant, kind, identifier])
            found = await cursor.fetchone()
        if found is None:
            raise NoDocumentError(str(identifier))
        return found

    async def listed(
        self, tenant: int, kind: str, *, subject: str | None = None,
        field: tuple[str, Any] | None = None, after: UUID | None = None, limit: int = 50,
    ) -> list[Document]:  # fmt: skip
        sql, values = SELECT, [tenant, kind]
        async with scoped(self._pool, tenant) as connection:
            known = await _kind(connection, tenant, kind)
            if subject is not None:
                sql, values = sql + "AND subject = %s ", [*values, subject]
            if field is not None:
                pointer, value = field
                if pointer not in known.indexes:
                    raise NotIndexedError(pointer)
                sql += """AND id IN (SELECT document_id FROM documents.index_entry
                                      WHERE tenant_id = %s AND kind = %s AND pointer = %s
                                        AND value = %s::jsonb::text) """
                values = [*values, tenant, kind, pointer, orjson.dumps(value).decode()]
            cursor = connection.cursor(row_factory=class_row(Document))
            await cursor.execute(
                sql + "AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s",
                [*values, after, after, limit],
            )
            return await cursor.fetchall()

    async def versions(self, tenant: int, kind: str, identifier: UUID) -> list[Version]:
        async with scoped(self._pool, tenant) as connection:
            cursor = connection.cursor(row_factory=class_row(Version))
            await cursor.execute(
                """SELECT number, body, changed_by, changed_at FROM documents.version
                    WHERE tenant_id = %s AND document_id = %s AND kind = %s
                    ORDER BY number DESC LIMIT %s""",
                [tenant, identifier, kind, VERSIONS_MAX],
            )
            found = await cursor.fetchall()
        if not found:
            raise NoDocumentError(str(identifier))
        return found


async def _kind(connection: AsyncConnection[Any], tenant: int, name: str) -> Kind:
    found = await kinds.find(connection, tenant, name)
    if found is None:
        raise NoKindError(name)
    return found
