"""Changes as tests ask for them."""

from dataclasses import replace
from typing import Any

from mmo.bep.postgres import Snapshots
from mmo.changes.support.asked import Asked
from mmo.changes.support.changes import Changes
from mmo.kernel.identifiers import mint
from mmo.movements.support.business_events import business_events
from tests.mmo.moving import rows
from tests.workflows.house import CLERK, TENANT, House

MANAGER = {"expression": "false", "message": "a manager must agree", "otherwise": "ask",
           "roles": ["manager"]}  # fmt: skip
NEVER = {"expression": "false", "message": "not today"}


def changes_of(house: House) -> Changes:
    return Changes(house.pool, Snapshots(house.pool, business_events()), lambda: None)


def asked(event: str, about: str, body: dict[str, Any] | None = None, **more: Any) -> Asked:
    return Asked(
        tenant=TENANT.slug, tenant_id=TENANT.id, id=mint(), event=event, object=about,
        body=body or {}, actor=replace(CLERK, roles=("clerk",)), **more,
    )  # fmt: skip


async def kept(house: House, change: Asked) -> dict[str, Any]:
    """The row of a change."""
    names = ("state", "body", "record", "refusal", "asks")
    sql = f"SELECT {', '.join(names)} FROM changes.change WHERE id = %s"
    found = await rows(house.pool, sql, change.id)
    return dict(zip(names, found[0], strict=True)) if found else {}


async def events(house: House, change: Asked) -> list[tuple[str, dict[str, Any]]]:
    """What the feed tells of a change."""
    sql = "SELECT type, data FROM messaging.event WHERE aggregate = 'change' AND aggregate_id = %s"
    return [(row[0], row[1]) for row in await rows(house.pool, sql, change.id)]


async def audited(house: House, about: str) -> list[tuple[str, str, str | None]]:
    """What the audit tells of an object."""
    sql = "SELECT action, outcome, reason FROM audit.record WHERE object = %s ORDER BY seq"
    return [(row[0], row[1], row[2]) for row in await rows(house.pool, sql, about)]


async def state_of(house: House, name: str) -> str:
    sql = "SELECT state FROM wallets.wallet WHERE id = %s"
    return (await rows(house.pool, sql, house.identifier(name)))[0][0]
