"""Kinds of documents in Postgres, and the index entries that they declare. No kind causes DDL."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from mmo.documents.document import VALUE_MAX, Kind, NewKind, closed_fields

_SELECT = """SELECT name, title, is_table, json_schema, indexes, version, changed_by, changed_at
               FROM documents.kind WHERE tenant_id = %s """
_INDEX = """INSERT INTO documents.index_entry (tenant_id, kind, pointer, value, document_id)
            SELECT d.tenant_id, d.kind, p.pointer, v.value::text, d.id
              FROM documents.document d CROSS JOIN unnest(%(pointers)s::text[]) p (pointer)
             CROSS JOIN LATERAL (
                   SELECT d.body #> string_to_array(substr(p.pointer, 2), '/') AS value) v
             WHERE d.tenant_id = %(tenant)s AND d.kind = %(kind)s
               AND (%(document)s::uuid IS NULL OR d.id = %(document)s)
               AND jsonb_typeof(v.value) IN ('string', 'number', 'boolean')
               AND length(v.value #>> '{}') <= %(value_max)s AND length(v.value::text) <= 402"""


def _kind(indexes: list[str], **columns: Any) -> Kind:
    return Kind(**columns, indexes=tuple(indexes))


async def find(connection: AsyncConnection[Any], tenant: int, name: str) -> Kind | None:
    """One kind."""
    cursor = connection.cursor(row_factory=kwargs_row(_kind))
    await cursor.execute(_SELECT + "AND name = %s", [tenant, name])
    return await cursor.fetchone()


async def hold(connection: AsyncConnection[Any], tenant: int, name: str) -> Kind | None:
    """One kind, which stays as it is until the transaction ends."""
    cursor = connection.cursor(row_factory=kwargs_row(_kind))
    await cursor.execute(_SELECT + "AND name = %s FOR KEY SHARE", [tenant, name])
    return await cursor.fetchone()


async def lock(connection: AsyncConnection[Any], tenant: int, name: str) -> Kind | None:
    """One kind, with other changes of it, and new documents, kept out."""
    cursor = connection.cursor(row_factory=kwargs_row(_kind))
    await cursor.execute(_SELECT + "AND name = %s FOR UPDATE", [tenant, name])
    return await cursor.fetchone()


async def listed(
    connection: AsyncConnection[Any], tenant: int, after: str, limit: int
) -> list[Kind]:
    """Kinds by name, a page at a time."""
    cursor = connection.cursor(row_factory=kwargs_row(_kind))
    await cursor.execute(_SELECT + "AND name > %s ORDER BY name LIMIT %s", [tenant, after, limit])
    return await cursor.fetchall()


async def table_fields(
    connection: AsyncConnection[Any], tenant: int
) -> dict[str, tuple[str, ...] | None]:
    """The tenant's data tables, each with the fields of its rows; None: any may stand there."""
    cursor = await connection.execute(
        """SELECT name, json_schema FROM documents.kind
            WHERE tenant_id = %s AND is_table ORDER BY name""",
        [tenant],
    )
    return {name: closed_fields(schema) for name, schema in await cursor.fetchall()}


async def save(connection: AsyncConnection[Any], tenant: int, kind: NewKind, by: str) -> None:
    """Write a kind; one that is there gets its next version."""
    schema = None if kind.json_schema is None else Jsonb(kind.json_schema)
    await connection.execute(
        """INSERT INTO documents.kind (tenant_id, name, title, is_table, json_schema, indexes,
                                       changed_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant_id, name) DO UPDATE
              SET title = excluded.title, is_table = excluded.is_table,
                  json_schema = excluded.json_schema, indexes = excluded.indexes,
                  version = kind.version + 1, changed_by = excluded.changed_by,
                  changed_at = now()""",
        [tenant, kind.name, kind.title, kind.is_table, schema, list(kind.indexes), by],
    )


async def index(connection: AsyncConnection[Any], tenant: int, kind: Kind, document: UUID) -> None:
    """Write the index entries of one document anew."""
    await forget(connection, tenant, document)
    await connection.execute(_INDEX, _terms(tenant, kind, document))


async def forget(connection: AsyncConnection[Any], tenant: int, document: UUID) -> None:
    """Take the index entries of one document away."""
    await connection.execute(
        "DELETE FROM documents.index_entry WHERE tenant_id = %s AND document_id = %s",
        [tenant, document],
    )


async def index_anew(connection: AsyncConnection[Any], tenant: int, kind: NewKind) -> None:
    """Write the index entries of all documents of a kind anew."""
    await connection.execute(
        "DELETE FROM documents.index_entry WHERE tenant_id = %s AND kind = %s", [tenant, kind.name]
    )
    await connection.execute(_INDEX, _terms(tenant, kind, None))


def _terms(tenant: int, kind: Kind | NewKind, document: UUID | None) -> dict[str, Any]:
    return {
        "tenant": tenant, "kind": kind.name, "pointers": list(kind.indexes), "document": document,
        "value_max": VALUE_MAX,
    }  # fmt: skip
