"""Starting long work over many records, for a row that is kept in the same transaction."""

from typing import Any

from fastapi import Request
from temporalio.service import RPCError

from api.problems import Problem
from api.start import RPC_TIMEOUT, Clients
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.tenancy.tenant import Tenant
from workflows.support import queues


async def start(
    request: Request, tenant: Tenant, workflow: Any, argument: Any, *, name: str, summary: str
) -> None:
    """Start it before its row is there for others: its first activity is repeated until it is.

    So no row is left behind that nobody works on. Raises Problem unavailable.
    """
    clients: Clients = request.app.state.clients
    try:
        client = await clients(tenant)
        await client.start_workflow(
            workflow,
            argument,
            id=f"{tenant.slug}/{name}",
            task_queue=queues.BULK,
            static_summary=summary,
            rpc_timeout=RPC_TIMEOUT,
        )
    except (RPCError, OSError, KeysAwayError, NoKeyError):
        raise Problem("unavailable") from None
