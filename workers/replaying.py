"""Replaying movements with the code at hand, from Temporal or from the archive."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from mmo.histories.compare import differences
from mmo.histories.fold import Folded, UnreadableHistoryError, fold
from mmo.histories.history import DamagedHistoryError
from mmo.histories.opening import opened
from mmo.histories.postgres import Archive, first_of
from mmo.keys.envelope import TamperedError
from mmo.keys.ports import NoKeyError
from mmo.tenancy.tenant import Tenant
from workers.sandbox import RUNNER
from workers.wiring import TenantClients
from workflows.support.catalogue import workflows

PAGE = 500


class NoHistoryError(Exception):
    """Neither Temporal nor the archive has the history."""


UNREADABLE = (
    NoHistoryError,
    DamagedHistoryError,
    UnreadableHistoryError,
    TamperedError,
    NoKeyError,
)
"""Why a history cannot be read, now or ever; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One movement after its replay. `failure` tells the first event that differs."""

    movement: str
    source: str
    failure: str | None
    differences: tuple[str, ...] = ()


def replayer() -> Replayer:
    """Replays in the sandbox, with the converter of production."""
    return Replayer(
        workflows=list(workflows().values()),
        data_converter=pydantic_data_converter,
        workflow_runner=RUNNER,
        build_id="replay",  # else every module that is loaded is read and hashed, for seconds
    )


class Histories:
    """Finds histories: in the archive, else in Temporal."""

    def __init__(self, pool: AsyncConnectionPool[Any], clients: TenantClients) -> None:
        self._pool = pool
        self._archive = Archive(pool)
        self._clients = clients

    async def find(self, tenant: Tenant, movement: UUID) -> tuple[WorkflowHistory, str]:
        """The history in clear, and where it was found. Raises one of UNREADABLE.

        Raises KeysAwayError where the process `keys` does not answer.
        """
        kept = await self._archive.find(tenant.id, movement)
        if kept is not None:
            return await self._opened(tenant, kept.history()), "archive"
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT type FROM movements.command WHERE tenant_id = %s AND movement_id = %s",
                [tenant.id, movement],
            )
            row = await cursor.fetchone()
        if row is None:
            raise NoHistoryError(f"{tenant.slug} has no movement {movement}")
        client = await self._clients(tenant)
        handle = client.get_workflow_handle(f"{tenant.slug}/{row[0]}/{movement}")
        try:
            return await self._opened(tenant, await handle.fetch_history()), "temporal"
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NoHistoryError(f"{movement} is not in Temporal, nor in the archive") from None
            raise

    async def _opened(self, tenant: Tenant, history: WorkflowHistory) -> WorkflowHistory:
        return await opened(history, self._clients.codec(tenant))

    async def movements_since(self, tenant: Tenant, moment: datetime) -> list[UUID]:
        """The started movements of a tenant since a moment, the oldest first."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """SELECT movement_id FROM movements.command
                    WHERE tenant_id = %s AND movement_id >= %s AND outcome IS NOT NULL
                    ORDER BY movement_id""",
                [tenant.id, first_of(moment)],
            )
            return [row[0] for row in await cursor.fetchall()]

    async def replay(
        self, tenant: Tenant, movements: list[UUID], *, compare: bool = False
    ) -> AsyncIterator[Replayed]:
        """Replay one after the other; with `compare`, hold each fold against the books too.

        One worker replays them all: to begin one takes longer than to replay a history.
        """
        unreadable, sources = list[Replayed](), dict[str, tuple[UUID, str]]()

        async def readable() -> AsyncIterator[WorkflowHistory]:
            for movement in movements:
                try:
                    history, source = await self.find(tenant, movement)
                except UNREADABLE as error:
                    told = Replayed(movement=str(movement), source="-", failure=str(error))
                    unreadable.append(told)
                else:
                    sources[history.run_id] = (movement, source)
                    yield history

        async with replayer().workflow_replay_iterator(readable()) as results:
            async for result in results:
                movement, source = sources.pop(result.history.run_id)
                found, failure = (), _told(result.replay_failure)
                try:
                    found = await self._compared(result.history) if compare else ()
                except UNREADABLE as error:
                    source, failure = "-", str(error)
                yield Replayed(
                    movement=str(movement), source=source, failure=failure, differences=found
                )
        for one in unreadable:
            yield one

    async def _compared(self, history: WorkflowHistory) -> tuple[str, ...]:
        folded: Folded = fold(history)
        async with self._pool.connection() as connection:
            return tuple(await differences(connection, folded))


def _told(failure: Exception | None) -> str | None:
    if failure is None:
        return None
    return f"{type(failure).__name__}: {str(failure).strip()[:400]}"
