"""The document store in Postgres: JSONB rows, with one table of index entries for all kinds."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.documents import kinds
from mmo.documents.document import EVENTS, Document, Kind, NewKind, Version, check, check_schema
from mmo.documents.ports import ConflictError, NoDocumentError, NoKindError, NotIndexedError
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import mint
from mmo.messaging.event import Event
from mmo.messaging.postgres import append
from mmo.tenancy.scope import scoped

VERSIONS_MAX = 200
_COLUMNS = "id, kind, subject, body, version, changed_by, changed_at"
_SELECT = f"SELECT {_COLUMNS} FROM documents.document WHERE tenant_id = %s AND kind = %s "  # noqa: S608 - our own column list


class PostgresDocuments:
    """The port `DocumentStore`. `ring` is called after each change, so that the feed is read."""

    def __init__(self, pool: AsyncConnectionPool[Any], ring: Callable[[], None]) -> None:
        self._pool = pool
        self._ring = ring

    async def put_kind(self, tenant: int, kind: NewKind, version: int | None, actor: Actor) -> Kind:
        check_schema(kind.json_schema)
        async with scoped(self._pool, tenant) as connection:
            before = await kinds.lock(connection, tenant, kind.name)
            if before is None and version is not None:
                raise NoKindError(kind.name)
            if (before.version if before else None) != version:
                raise ConflictError
            await kinds.save(connection, tenant, kind, actor.subject)
            if before is not None and before.indexes != kind.indexes:
                await kinds.index_anew(connection, tenant, kind)
            after = await kinds.find(connection, tenant, kind.name)
            assert after is not None, "it was written in this transaction"
            record = Record(
                tenant_id=tenant, actor=actor.subject, client=actor.client,
                action="document_kind.put", object=f"document-kind/{kind.name}",
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
        document = Document(
            id=identifier, kind=kind, subject=subject, body=body, version=1,
            changed_by=actor.subject, changed_at=datetime.now(UTC),
        )  # fmt: skip
        async with scoped(self._pool, tenant) as connection:
            known = await _held(connection, tenant, kind)
            check(known, subject, body)
            if not await _begin(connection, tenant, document):
                return await _as_it_began(connection, tenant, document)
            await self._write(connection, tenant, known, document, None, actor)
        self._ring()
        return document

    async def change(
        self, tenant: int, kind: str, identifier: UUID, version: int, body: dict[str, Any],
        actor: Actor,
    ) -> Document:  # fmt: skip
        async with scoped(self._pool, tenant) as connection:
            known = await _held(connection, tenant, kind)
            before = await _lock(connection, tenant, kind, identifier, version)
            check(known, before.subject, body)
            document = Document(
                id=identifier, kind=kind, subject=before.subject, body=body, version=version + 1,
                changed_by=actor.subject, changed_at=datetime.now(UTC),
            )  # fmt: skip
            await _keep(connection, tenant, document, body)
            await self._write(connection, tenant, known, document, before, actor)
        self._ring()
        return document

    async def remove(
        self, tenant: int, kind: str, identifier: UUID, version: int, actor: Actor
    ) -> None:
        async with scoped(self._pool, tenant) as connection:
            before = await _lock(connection, tenant, kind, identifier, version)
            gone = Document(
                id=identifier, kind=kind, subject=before.subject, body={}, version=version + 1,
                changed_by=actor.subject, changed_at=datetime.now(UTC),
            )  # fmt: skip
            await _keep(connection, tenant, gone, None)
            await kinds.forget(connection, tenant, identifier)
            await connection.execute(
                "DELETE FROM documents.document WHERE tenant_id = %s AND id = %s",
                [tenant, identifier],
            )
            await _tell(connection, tenant, "removed", gone, before, actor)
        self._ring()

    async def find(self, tenant: int, kind: str, identifier: UUID) -> Document:
        async with scoped(self._pool, tenant) as connection:
            cursor = connection.cursor(row_factory=class_row(Document))
            await cursor.execute(_SELECT + "AND id = %s", [tenant, kind, identifier])
            found = await cursor.fetchone()
        if found is None:
            raise NoDocumentError(str(identifier))
        return found

    async def listed(
        self, tenant: int, kind: str, *, subject: str | None = None,
        field: tuple[str, Any] | None = None, after: UUID | None = None, limit: int = 50,
    ) -> list[Document]:  # fmt: skip
        sql, values = _SELECT, [tenant, kind]
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

    async def _write(
        self, connection: AsyncConnection[Any], tenant: int, kind: Kind, document: Document,
        before: Document | None, actor: Actor,
    ) -> None:  # fmt: skip
        """Write the row that stands now, its index entries, its event and its audit row."""
        await connection.execute(
            """INSERT INTO documents.document (tenant_id, id, kind, subject, body, version,
                                               changed_by, changed_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (tenant_id, id) DO UPDATE
                  SET body = excluded.body, version = excluded.version,
                      changed_by = excluded.changed_by, changed_at = excluded.changed_at""",
            [
                tenant, document.id, document.kind, document.subject, Jsonb(document.body),
                document.version, document.changed_by, document.changed_at,
            ],
        )  # fmt: skip
        await kinds.index(connection, tenant, kind, document.id)
        word = "changed" if before else "created"
        await _tell(connection, tenant, word, document, before, actor)


async def _held(connection: AsyncConnection[Any], tenant: int, name: str) -> Kind:
    found = await kinds.hold(connection, tenant, name)
    if found is None:
        raise NoKindError(name)
    return found


async def _kind(connection: AsyncConnection[Any], tenant: int, name: str) -> Kind:
    found = await kinds.find(connection, tenant, name)
    if found is None:
        raise NoKindError(name)
    return found


async def _lock(
    connection: AsyncConnection[Any], tenant: int, kind: str, identifier: UUID, version: int
) -> Document:
    cursor = connection.cursor(row_factory=class_row(Document))
    await cursor.execute(_SELECT + "AND id = %s FOR UPDATE", [tenant, kind, identifier])
    found = await cursor.fetchone()
    if found is None:
        raise NoDocumentError(str(identifier))
    if found.version != version:
        raise ConflictError
    return found


async def _begin(connection: AsyncConnection[Any], tenant: int, document: Document) -> bool:
    """Keep the first version; False where the id has begun already, here or in a parallel call."""
    return await _keep(connection, tenant, document, document.body) == 1


async def _keep(
    connection: AsyncConnection[Any], tenant: int, document: Document, body: Any
) -> int:
    cursor = await connection.execute(
        """INSERT INTO documents.version (tenant_id, document_id, number, kind, subject, body,
                                          changed_by, changed_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [
            tenant, document.id, document.version, document.kind, document.subject,
            None if body is None else Jsonb(body), document.changed_by, document.changed_at,
        ],
    )  # fmt: skip
    return cursor.rowcount


async def _as_it_began(
    connection: AsyncConnection[Any], tenant: int, document: Document
) -> Document:
    """What an id began with, for a repeat. Raises ConflictError where it was something else."""
    cursor = connection.cursor(row_factory=class_row(Document))
    await cursor.execute(
        """SELECT document_id AS id, kind, subject, body, number AS version, changed_by, changed_at
             FROM documents.version WHERE tenant_id = %s AND document_id = %s AND number = 1""",
        [tenant, document.id],
    )
    began = await cursor.fetchone()
    asked = (document.kind, document.subject, document.body)
    if began is None or (began.kind, began.subject, began.body) != asked:
        raise ConflictError
    return began


async def _tell(
    connection: AsyncConnection[Any], tenant: int, word: str, document: Document,
    before: Document | None, actor: Actor,
) -> None:  # fmt: skip
    kind = f"mmo.document.{word}.v1"
    told = EVENTS[kind](kind=document.kind, subject=document.subject)
    event = Event(
        tenant_id=tenant, id=mint(), aggregate="document", aggregate_id=document.id,
        version=document.version, type=kind, actor=actor.subject, occurred_at=document.changed_at,
        data=told.model_dump(mode="json"),
    )  # fmt: skip
    await append(connection, [event])
    record = Record(
        tenant_id=tenant, actor=actor.subject, client=actor.client, action=f"document.{word}",
        object=f"document/{document.kind}/{document.id}",
        before=digest_of(asdict(before)) if before else None,
        after=None if word == "removed" else digest_of(asdict(document)),
    )  # fmt: skip
    await note(connection, record)
