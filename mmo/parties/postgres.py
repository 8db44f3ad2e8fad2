"""Parties in Postgres: the row of each, and the tree that they stand in."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, kwargs_row
from psycopg.types.json import Jsonb

from mmo.parties.commands import Above
from mmo.parties.document import Document
from mmo.parties.party import LEVELS_MAX, Party, Store

Connection = AsyncConnection[Any]
TREE_LOCK = 7302273
"""Advisory lock of a tenant's trees, of agents and of offices."""

_SELECT = """SELECT id::text, kind, state, person, alias, language, version, registered_at,
                    changed_at, tier, kyc, parent::text, office::text, stores, documents
               FROM parties.party WHERE tenant_id = %(tenant)s """


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which parties are to be listed; None: any."""

    kind: str | None = None
    state: str | None = None
    parent: UUID | None = None
    office: UUID | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A party in the tree below another; `depth` counts from 1."""

    id: str
    kind: str
    state: str
    parent: str
    depth: int


def _party(stores: list[Any], documents: list[Any], **columns: Any) -> Party:
    return Party(
        **columns,
        stores=tuple(Store(**one) for one in stores),
        documents=tuple(Document.of(one) for one in documents),
    )


def _row(tenant: int, party: Party) -> dict[str, Any]:
    return asdict(party) | {
        "tenant": tenant,
        "stores": Jsonb([asdict(one) for one in party.stores]),
        "documents": Jsonb([one.row() for one in party.documents]),
    }


async def find(
    connection: Connection, tenant: int, identifier: UUID, *, keep: bool = False
) -> Party | None:
    """One party. `keep`: it stays as it is until the transaction ends."""
    cursor = connection.cursor(row_factory=kwargs_row(_party))
    sql = _SELECT + "AND id = %(id)s" + (" FOR SHARE" if keep else "")
    await cursor.execute(sql.encode(), {"tenant": tenant, "id": identifier})
    return await cursor.fetchone()


async def lock(connection: Connection, tenant: int, identifier: UUID) -> Party | None:
    """Read a party and keep other changes of it out until the transaction ends."""
    cursor = connection.cursor(row_factory=kwargs_row(_party))
    await cursor.execute(
        _SELECT + "AND id = %(id)s FOR NO KEY UPDATE", {"tenant": tenant, "id": identifier}
    )
    return await cursor.fetchone()


async def listed(
    connection: Connection, tenant: int, sought: Sought, after: UUID | None, limit: int
) -> list[Party]:
    """Parties by id, a page at a time."""
    cursor = connection.cursor(row_factory=kwargs_row(_party))
    await cursor.execute(
        _SELECT
        + """AND (%(kind)s::text IS NULL OR kind = %(kind)s)
             AND (%(state)s::text IS NULL OR state = %(state)s)
             AND (%(parent)s::uuid IS NULL OR parent = %(parent)s)
             AND (%(office)s::uuid IS NULL OR office = %(office)s)
             AND (%(alias)s::text IS NULL OR alias = %(alias)s)
             AND (%(after)s::uuid IS NULL OR id > %(after)s)
             ORDER BY id LIMIT %(limit)s""",
        asdict(sought) | {"tenant": tenant, "after": after, "limit": limit},
    )
    return await cursor.fetchall()


async def save(connection: Connection, tenant: int, party: Party) -> None:
    """Write the row of a party. Raises psycopg.errors.UniqueViolation where its number is taken."""
    await connection.execute(
        """INSERT INTO parties.party (tenant_id, id, kind, state, tier, kyc, parent, office, person,
                                      alias, language, stores, documents, version, registered_at,
                                      changed_at)
           VALUES (%(tenant)s, %(id)s, %(kind)s, %(state)s, %(tier)s, %(kyc)s, %(parent)s,
                   %(office)s, %(person)s, %(alias)s, %(language)s, %(stores)s, %(documents)s,
                   %(version)s, %(registered_at)s, %(changed_at)s)
           ON CONFLICT (tenant_id, id) DO UPDATE
              SET state = excluded.state, tier = excluded.tier, kyc = excluded.kyc,
                  parent = excluded.parent, office = excluded.office, person = excluded.person,
                  alias = excluded.alias, language = excluded.language, stores = excluded.stores,
                  documents = excluded.documents, version = excluded.version,
                  changed_at = excluded.changed_at""",
        _row(tenant, party),
    )


async def replace(connection: Connection, tenant: int, party: Party) -> None:
    """Write the whole row of a party anew, whatever stood there."""
    await save(connection, tenant, party)
    await connection.execute(
        """UPDATE parties.party SET kind = %(kind)s, registered_at = %(registered_at)s
            WHERE tenant_id = %(tenant)s AND id = %(id)s""",
        _row(tenant, party),
    )


async def lock_trees(connection: Connection, tenant: int) -> None:
    """Keep other changes of the tenant's trees out until the transaction ends.

    Taken before any row is locked, so that nobody waits in a circle.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [TREE_LOCK, tenant])


async def above(connection: Connection, tenant: int, identifier: UUID) -> Above | None:
    """A party as one to stand above another: with its own path to the top."""
    cursor = await connection.execute(
        """WITH RECURSIVE up (id, parent, kind, state, level) AS (
                SELECT id, parent, kind, state, 0 FROM parties.party
                 WHERE tenant_id = %(tenant)s AND id = %(id)s
                 UNION ALL
                SELECT p.id, p.parent, p.kind, p.state, u.level + 1
                  FROM up u JOIN parties.party p ON p.tenant_id = %(tenant)s AND p.id = u.parent
                 WHERE u.level <= %(levels)s)
           SELECT id::text, kind, state FROM up ORDER BY level""",
        {"tenant": tenant, "id": identifier, "levels": LEVELS_MAX},
    )
    rows = await cursor.fetchall()
    if not rows:
        return None
    (itself, kind, state), *path = rows
    return Above(id=itself, kind=kind, state=state, path=tuple(one[0] for one in path))


async def below(connection: Connection, tenant: int, identifier: UUID, limit: int) -> list[Node]:
    """Whoever stands below a party, level by level, at most so many."""
    cursor = connection.cursor(row_factory=class_row(Node))
    await cursor.execute(
        """WITH RECURSIVE down (id, kind, state, parent, depth) AS (
                SELECT id, kind, state, parent, 1 FROM parties.party
                 WHERE tenant_id = %(tenant)s AND parent = %(id)s
                 UNION ALL
                SELECT p.id, p.kind, p.state, p.parent, d.depth + 1
                  FROM down d JOIN parties.party p ON p.tenant_id = %(tenant)s AND p.parent = d.id
                 WHERE d.depth <= %(levels)s)
           SELECT id::text, kind, state, parent::text, depth FROM down
            ORDER BY depth, id LIMIT %(limit)s""",
        {"tenant": tenant, "id": identifier, "levels": LEVELS_MAX, "limit": limit},
    )
    return await cursor.fetchall()


async def height(connection: Connection, tenant: int, identifier: UUID) -> int:
    """Levels of the tree from a party downwards: 1 where nobody stands below it."""
    cursor = await connection.execute(
        """WITH RECURSIVE down (id, level) AS (
                SELECT %(id)s::uuid, 1
                 UNION ALL
                SELECT p.id, d.level + 1
                  FROM down d JOIN parties.party p ON p.tenant_id = %(tenant)s AND p.parent = d.id
                 WHERE d.level <= %(levels)s)
           SELECT max(level) FROM down""",
        {"tenant": tenant, "id": identifier, "levels": LEVELS_MAX},
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def children(connection: Connection, tenant: int, identifier: UUID) -> list[UUID]:
    """Whoever stands right below a party and is not closed."""
    cursor = await connection.execute(
        """SELECT id FROM parties.party
            WHERE tenant_id = %s AND parent = %s AND state <> 'closed' ORDER BY id""",
        [tenant, identifier],
    )
    return [row[0] for row in await cursor.fetchall()]
