"""What an approval is about, as it was accepted: a workflow's own word of it proves nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.approvals.awaited import Awaited, binding
from mmo.kernel.envelope import Actor

_COMMAND = """
    SELECT actor AS subject, client, roles, attributes, act, body FROM movements.command
     WHERE tenant_id = %s AND movement_id = %s"""
_CHANGE = """
    SELECT maker ->> 'subject', maker ->> 'client', maker -> 'roles', maker -> 'attributes',
           maker -> 'act', jsonb_build_object('object', object, 'body', body)
      FROM changes.change WHERE tenant_id = %s AND id = %s AND event = %s"""


async def accepted(connection: AsyncConnection[Any], awaited: Awaited) -> Awaited | None:
    """The same, with its maker and content taken from its row; None where there is no such row."""
    if awaited.kind == "movement":
        values: list[object] = [awaited.tenant_id, UUID(awaited.id)]
        cursor = await connection.execute(_COMMAND, values)
    else:
        values = [awaited.tenant_id, UUID(awaited.id), awaited.event]
        cursor = await connection.execute(_CHANGE, values)
    row = await cursor.fetchone()
    if row is None:
        return None
    subject, client, roles, attributes, act, body = row
    maker = _actor(subject, client, roles, attributes, act, awaited.kind == "movement")
    return replace(
        awaited, maker=maker, about=binding(awaited.kind, awaited.event, awaited.id, body)
    )


def _actor(
    subject: str, client: str, roles: list[str], attributes: Mapping[str, str], act: list[str],
    of_command: bool,
) -> Actor:  # fmt: skip
    return Actor(
        subject=subject,
        client=client.rpartition("/")[0] if of_command else client,
        roles=tuple(roles),
        attributes=dict(attributes),
        act=tuple(act),
    )
