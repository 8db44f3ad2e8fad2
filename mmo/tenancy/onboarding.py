"""Asking for a new tenant: a row that is carried out once, whatever dies meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.kernel.identifiers import TenantId
from mmo.tenancy.tenant import Tenant

MACHINE = 0
"""Who asked, where it was nobody of a super-tenant but whoever works at the machine."""
_COLUMNS = """tenant_id, slug, name, timezone, currencies, country, kind, administrator,
              administrator_name, invitation, console, asked_by, asked_at, done_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """What is to be opened."""

    slug: str
    name: str
    timezone: str
    currencies: tuple[str, ...]
    country: str
    kind: str = "operator"
    administrator: str
    """User name of the first administrator."""
    administrator_name: str
    invitation: bytes
    """SHA-256 of their one-time code. The code itself is told once, by whoever minted it."""
    console: str | None = None
    """Where the tenant's console takes people back to after log-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding(NewTenant):
    """What was asked for, by whom, and how far it is."""

    tenant_id: int
    asked_by: str
    asked_at: datetime
    done_at: datetime | None

    def as_tenant(self, number: int, state: str) -> Tenant:
        """The tenant that comes of it."""
        return Tenant(
            id=TenantId(number), slug=self.slug, name=self.name, timezone=self.timezone,
            currencies=tuple(self.currencies), country=self.country, kind=self.kind, state=state,
        )  # fmt: skip


async def ask(connection: AsyncConnection[Any], asker: int, new: NewTenant, asked_by: str) -> bool:
    """Ask for a tenant, in a transaction of the asker's. False: there is one of that slug."""
    cursor = await connection.execute(
        """INSERT INTO tenancy.onboarding
           (tenant_id, slug, name, timezone, currencies, country, kind, administrator,
            administrator_name, invitation, console, asked_by)
           SELECT %(asker)s::int, %(slug)s, %(name)s, %(timezone)s, %(currencies)s::text[],
                  %(country)s, %(kind)s, %(administrator)s, %(administrator_name)s,
                  %(invitation)s::bytea, %(console)s, %(asked_by)s
            WHERE NOT EXISTS (SELECT FROM tenancy.tenant WHERE slug = %(slug)s)
           ON CONFLICT DO NOTHING""",
        {
            "asker": asker, "slug": new.slug, "name": new.name, "timezone": new.timezone,
            "currencies": list(new.currencies), "country": new.country, "kind": new.kind,
            "administrator": new.administrator, "administrator_name": new.administrator_name,
            "invitation": new.invitation, "console": new.console, "asked_by": asked_by,
        },
    )  # fmt: skip
    return cursor.rowcount == 1


async def find(connection: AsyncConnection[Any], slug: str) -> Onboarding | None:
    """What was asked for under that slug, as far as the transaction may see it."""
    cursor = connection.cursor(row_factory=class_row(Onboarding))
    await cursor.execute(f"SELECT {_COLUMNS} FROM tenancy.onboarding WHERE slug = %s", [slug])  # noqa: S608
    return await cursor.fetchone()


async def unfinished(connection: AsyncConnection[Any], limit: int) -> list[str]:
    """Slugs that are asked for and not there yet, the oldest first."""
    cursor = await connection.execute(
        """SELECT slug FROM tenancy.onboarding WHERE done_at IS NULL
            ORDER BY asked_at LIMIT %s""",
        [limit],
    )
    return [slug for (slug,) in await cursor.fetchall()]
