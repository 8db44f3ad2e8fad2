"""Facts on the clock of a server that skips time: what is over there is over in the books too."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.postgres import PostgresFacts


class SkippedFacts(PostgresFacts):
    """Answers as the database would, were its clock as far ahead as the server's."""

    def __init__(self, pool: AsyncConnectionPool[Any], environment: WorkflowEnvironment) -> None:
        super().__init__(pool)
        self._environment = environment

    async def _call(self, *asked: Any) -> tuple[Mapping[str, Any], ...]:
        read, *more = await super()._call(*asked)
        ahead = await self._environment.get_current_time() - datetime.now(UTC)
        now = datetime.fromisoformat(read["now"]) + ahead
        return {**read, "now": now.isoformat()}, *more
