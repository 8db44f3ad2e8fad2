"""Code lists and products: what the back office keeps for forms and for wallets."""

from dataclasses import asdict
from typing import Any

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind
from mmo.codelists import postgres as code_lists
from mmo.wallets import products

Connection = AsyncConnection[Any]


async def _set_value(connection: Connection, asked: Asked) -> Carried:
    """Add a value, or change the one at `version`."""
    tenant, body = asked.tenant_id, asked.body
    name, code, version = body["list"], body["code"], body["version"]
    about: dict[str, Any] = {
        "label": body["label"], "active": body["active"], "by": asked.actor.subject,
    }  # fmt: skip
    before = await code_lists.find(connection, tenant, name, code)
    if version is None and before is not None:
        raise DeclinedError("version_conflict", "send If-Match with the ETag that you read")
    if version is None:
        await code_lists.create(connection, tenant, name, code, **about)
    elif before is None:
        raise DeclinedError("not_found")
    elif not await code_lists.change(connection, tenant, name, code, version, **about):
        raise DeclinedError("version_conflict")
    after = await code_lists.find(connection, tenant, name, code)
    assert after is not None, "it was written in this transaction"
    return Carried(result=after, before=asdict(before) if before else None, after=asdict(after))


async def _add_product(connection: Connection, asked: Asked) -> Carried:
    tenant, body = asked.tenant_id, asked.body
    await products.add(
        connection, tenant, body["id"], body["kind"], body["name"], asked.actor.subject
    )
    added = await products.find(connection, tenant, body["id"])
    assert added is not None, "it was written in this transaction"
    return Carried(result=added, after=asdict(added))


KINDS = (
    ChangeKind(event="code-list.set", scope="code-lists:write", carry_out=_set_value),
    ChangeKind(event="product.add", scope="products:write", carry_out=_add_product),
)
