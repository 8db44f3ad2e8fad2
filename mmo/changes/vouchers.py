"""Vouchers: unlocked by staff after too many wrong codes."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind
from mmo.vouchers import postgres as vouchers


async def _unlock(connection: AsyncConnection[Any], asked: Asked) -> Carried:
    movement = UUID(asked.object.removeprefix("voucher/"))
    if not await vouchers.unlock(connection, asked.tenant_id, movement):
        raise DeclinedError("movement_not_found")
    return Carried()


KINDS = (ChangeKind(event="voucher.unlock", scope="vouchers:unlock", carry_out=_unlock),)
