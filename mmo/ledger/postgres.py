"""The ledger in Postgres: postings gathered by tenant, a batch one call of the function."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mmo.ledger import packing
from mmo.ledger.batcher import Batcher, DeadlineError, Limits, QueueFullError, RepeatError
from mmo.ledger.encoding import BATCH, OUTCOMES, decode, encode
from mmo.ledger.ports import LedgerBusyError, OutcomeUnknownError
from mmo.ledger.posting import Posting
from mmo.ledger.recorded import Recorded, Stale

Item = TypeVar("Item")

STATEMENT_TIMEOUT = 5
"""Seconds that one call of the posting function may take; its lock_timeout is 2."""

_KEY_CONFLICT = "LB009"
_ONE_AT_FAULT = frozenset({"55P03", "40P01", "57014"})
"""A lock not got in time, a deadlock, a statement timeout: fewer at once may pass."""


async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Prepare a pooled connection for posting; give it to the pool as `configure`."""
    await connection.set_autocommit(True)
    await connection.execute(
        sql.SQL("SET statement_timeout = {}").format(sql.Literal(f"{STATEMENT_TIMEOUT}s"))
    )
    packing.register(connection)


@dataclass(frozen=True, kw_only=True)  # slots and a type argument do not go together before 3.12
class PostingCall(Generic[Item]):
    """The SQL function that posts a batch, and what it is given beside the batch.

    It is called as `function(ledger.batch, *beside, p_check boolean)` and returns
    `ledger.outcomes`. `casts` are the SQL types of the values of `beside(items)`.
    """

    function: str
    posting: Callable[[Item], Posting]
    casts: tuple[str, ...] = ()
    beside: Callable[[Sequence[Item]], Sequence[object]] = lambda _: ()

    @property
    def statement(self) -> str:
        beside = "".join(f", %b::{cast}" for cast in self.casts)
        return f"SELECT {OUTCOMES} FROM {self.function}({BATCH}{beside}, %b)"  # noqa: S608 - ours


class PostingQueue(Generic[Item]):
    """Postings on their way to Postgres: one queue for each tenant, over one pool.

    The pool's connections are made by `configure`. A lost answer is asked for again by its key.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        call: PostingCall[Item],
        limits: Limits | None = None,
    ) -> None:
        self._pool = pool
        self._call = call
        self._statement = call.statement.encode()
        self._limits = limits or Limits(lanes=pool.max_size)
        self._queues: dict[int, Batcher[Item, Recorded | Stale]] = {}

    async def post(self, item: Item, /) -> Recorded | Stale:
        """Post once. Raises LedgerBusyError, OutcomeUnknownError and KeyReusedError."""
        try:
            return await self._queue_of(item).ask(item)
        except QueueFullError as error:
            raise LedgerBusyError(f"the ledger's queue is full: {error}; try again later") from None
        except DeadlineError as error:
            kind = OutcomeUnknownError if error.sent else LedgerBusyError
            raise kind(f"the posting was {error}; repeat it with the same key") from None

    async def close(self) -> None:
        """Post what waits, and stop."""
        for queue in self._queues.values():
            await queue.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _queue_of(self, item: Item) -> Batcher[Item, Recorded | Stale]:
        tenant = self._call.posting(item).tenant_id
        queue = self._queues.get(tenant)
        if queue is None:
            queue = Batcher(self._serve, self._limits, alone=self._txn, shared=self._accounts)
            self._queues[tenant] = queue
        return queue

    def _txn(self, item: Item) -> Hashable:
        """A movement is in one batch once: its hold and capture, or a repeat, go one by one."""
        return self._call.posting(item).txn

    def _accounts(self, item: Item) -> Iterable[Hashable]:
        """Accounts that the posting locks: not deferred ones; instances are the txn's own."""
        posting = self._call.posting(item)
        for leg in posting.legs:
            if leg.is_strict:
                yield leg.account
        for row in posting.usage:
            yield row.account

    async def _serve(
        self, items: Sequence[Item], repeat: bool
    ) -> Sequence[Recorded | Stale | Exception]:
        postings = [self._call.posting(item) for item in items]
        values = (*encode(postings), *self._call.beside(items), repeat)
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(
                    self._statement, values, prepare=True, binary=True
                )
                outcomes = await cursor.fetchone()
        except (psycopg.Error, PoolTimeout) as error:
            raise _verdict(error, repeat=repeat) from error
        assert outcomes is not None
        return decode(postings, outcomes)


class PostgresPostings(PostingQueue[Posting]):
    """The port `Postings`, straight to `ledger.post`."""

    def __init__(self, pool: AsyncConnectionPool[Any], limits: Limits | None = None) -> None:
        super().__init__(pool, PostingCall(function="ledger.post", posting=lambda p: p), limits)


def _verdict(error: Exception, *, repeat: bool) -> Exception:
    """Say whether the same batch may be sent again, or one of its requests is to blame."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state == _KEY_CONFLICT:
        return RepeatError("a key is on record", halve=repeat)
    if state in _ONE_AT_FAULT:
        return RepeatError(str(error), halve=True)
    lost = state is None or state[:2] in {"08", "57", "53"}
    if lost and isinstance(error, (psycopg.OperationalError, PoolTimeout)):
        return RepeatError(str(error), halve=False)
    return error
