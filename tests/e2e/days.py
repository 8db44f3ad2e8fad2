"""A tenant of a day's own, on whichever stack runs."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

import httpx
import psycopg

from api.scopes import scopes
from mmo.kernel.identifiers import TenantId
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from tests.day.asking import Door
from tests.e2e.opening import until_active, wanted
from tests.e2e.operator import Operator, open_client
from tests.e2e.town import Town


async def opened(above: Town, settings: Settings, admin: str) -> Tenant:
    """Have a super-tenant's staff open it."""
    slug, zone = f"day-{secrets.token_hex(3)}", _far_from_midnight()
    body = wanted(slug) | {"currencies": ["KES"], "timezone": zone}
    asked = await above.staff.post("/v1/tenants", body)
    assert asked.status_code == 202, asked.text
    await until_active(above, slug)
    with psycopg.connect(admin) as books:
        row = books.execute("SELECT id FROM tenancy.tenant WHERE slug = %s", [slug]).fetchone()
    assert row is not None
    await open_client(settings, row[0])
    return Tenant(
        id=TenantId(row[0]), slug=slug, name=body["name"], timezone=zone, currencies=("KES",)
    )


def _far_from_midnight() -> str:
    """A zone whose day does not end soon: limits of a day would begin anew in the middle."""
    return "Africa/Abidjan" if datetime.now(UTC).hour in (18, 19, 20, 21) else "Africa/Nairobi"


def door(operator: Operator, tenant: Tenant, http: httpx.AsyncClient) -> Door:
    """The way in for the day's people."""
    town = Town(operator, http, tenant.slug)

    def sign(subject: str, granted: Iterable[str] | None, roles: Iterable[str]) -> str:
        allowed = scopes() if granted is None else granted
        return town.sign(town.claims(subject, allowed, roles=[*roles]))

    return Door(http, sign)
