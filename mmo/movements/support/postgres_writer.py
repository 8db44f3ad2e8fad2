"""The one writer of movements, in Postgres: one call a movement, shared by all that wait."""

from collections.abc import Sequence
from typing import Any

import orjson
from psycopg_pool import AsyncConnectionPool

from mmo.kernel.identifiers import mint
from mmo.ledger import packing
from mmo.ledger.batcher import Limits
from mmo.ledger.postgres import PostingCall, PostingQueue
from mmo.messaging.bell import Bell
from mmo.movements.support.decide import Draft

Pool = AsyncConnectionPool[Any]


class PostgresWriter:
    """The one writer of movements."""

    def __init__(self, pool: Pool, bell: Bell | None = None, limits: Limits | None = None) -> None:
        call: PostingCall[Draft] = PostingCall(
            function="movements.post",
            posting=lambda draft: draft.posting,
            casts=_CASTS,
            beside=_beside,
        )
        self._queue = PostingQueue(pool, call, limits)
        self._bell = bell

    async def post(self, draft: Draft) -> Any:
        """Record the step once; a repeat gets the first outcome. Raises as the ledger does."""
        answer = await self._queue.post(draft)
        if self._bell is not None:
            self._bell.ring()
        return answer

    async def close(self) -> None:
        """Post what waits, and stop."""
        await self._queue.close()


_CASTS = (
    "bytea[]", "uuid[]", "text[]", "text[]", "text[]", "text[]", "boolean[]",
    "int[]", "uuid[]", "bigint[]", "bigint[]", "text[]",
)  # fmt: skip


def _beside(drafts: Sequence[Draft]) -> list[object]:
    claims = [(number, one) for number, draft in enumerate(drafts, 1) for one in draft.claims]
    return [
        packing.byteas([draft.accepted for draft in drafts]),
        packing.uuids([mint() for _ in drafts]),
        packing.texts([draft.event_type for draft in drafts]),
        packing.texts([orjson.dumps(draft.event).decode() for draft in drafts]),
        packing.texts([draft.actor for draft in drafts]),
        packing.texts([draft.state for draft in drafts]),
        packing.booleans([draft.answers for draft in drafts]),
        packing.int4s([number for number, _ in claims]),
        packing.uuids([one.of for _, one in claims]),
        packing.int8s([one.amount for _, one in claims]),
        packing.int8s([one.most for _, one in claims]),
        packing.texts([one.refusal for _, one in claims]),
    ]
