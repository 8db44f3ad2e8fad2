"""Writing documents within the caller's transaction: row, version, index, event and audit."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.documents import kinds
from mmo.documents.document import EVENTS, Document, Kind, NewKind, check, check_schema
from mmo.documents.ports import ConflictError, NoDocumentError, NoKindError
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import mint
from mmo.messaging.event import Event
from mmo.messaging.postgres import append

Connection = AsyncConnection[Any]
COLUMNS = "id, kind, subject, body, version, changed_by, changed_at"
SELECT = f"SELECT {COLUMNS} FROM documents.document WHERE tenant_id = %s AND kind = %s "  # noqa: S608 - our own column list


async def put_kind(
    connection: Connection, tenant: int, kind: NewKind, version: int | None, actor: Actor
) -> tuple[Kind | None, Kind]:
    """Add a kind, or change the one at that version; the kind before and after.

    Raises DocumentError, NoKindError, ConflictError.
    """
    check_schema(kind.json_schema)
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
    return before, after


async def create(
    connection: Connection, tenant: int, kind: str, identifier: UUID, subject: str | None,
    body: dict[str, Any], actor: Actor,
) -> Document:  # fmt: skip
    """Add a document; the same again is answered as it stands.

    Raises NoKindError, DocumentError, ConflictError.
    """
    document = Document(
        id=identifier, kind=kind, subject=subject, body=body, version=1,
        changed_by=actor.subject, changed_at=datetime.now(UTC),
    )  # fmt: skip
    known = await _held(connection, tenant, kind)
    check(known, subject, body)
    if not await _begin(connection, tenant, document):
        return await _as_it_began(connection, tenant, document)
    await _write(connection, tenant, known, document, None, actor)
    return document


async def change(
    connection: Connection, tenant: int, kind: str, identifier: UUID, version: int,
    body: dict[str, Any], actor: Actor,
) -> Document:  # fmt: skip
    """Give the document at that version a new body.

    Raises NoKindError, NoDocumentError, DocumentError, ConflictError.
    """
    known = await _held(connection, tenant, kind)
    before = await _lock(connection, tenant, kind, identifier, version)
    check(known, before.subject, body)
    document = Document(
        id=identifier, kind=kind, subject=before.subject, body=body, version=version + 1,
        changed_by=actor.subject, changed_at=datetime.now(UTC),
    )  # fmt: skip
    await _keep(connection, tenant, document, body)
    await _write(connection, tenant, known, document, before, actor)
    return document


async def remove(
    connection: Connection, tenant: int, kind: str, identifier: UUID, version: int, actor: Actor
) -> None:
    """Take the document at that version away. Raises NoDocumentError, ConflictError."""
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


async def _write(
    connection: Connection, tenant: int, kind: Kind, document: Document, before: Document | None,
    actor: Actor,
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


async def _held(connection: Connection, tenant: int, name: str) -> Kind:
    found = await kinds.hold(connection, tenant, name)
    if found is None:
        raise NoKindError(name)
    return found


async def _lock(
    connection: Connection, tenant: int, kind: str, identifier: UUID, version: int
) -> Document:
    cursor = connection.cursor(row_factory=class_row(Document))
    await cursor.execute(SELECT + "AND id = %s FOR UPDATE", [tenant, kind, identifier])
    found = await cursor.fetchone()
    if found is None:
        raise NoDocumentError(str(identifier))
    if found.version != version:
        raise ConflictError
    return found


async def _begin(connection: Connection, tenant: int, document: Document) -> bool:
    """Keep the first version; False where the id has begun already, here or in a parallel call."""
    return await _keep(connection, tenant, document, document.body) == 1


async def _keep(connection: Connection, tenant: int, document: Document, body: Any) -> int:
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


async def _as_it_began(connection: Connection, tenant: int, document: Document) -> Document:
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
    connection: Connection, tenant: int, word: str, document: Document,
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
