"""A micro-batcher: callers ask one by one, and what gathers while others are served goes together.

It knows asyncio and nothing else. A lone item leaves at once; there is no linger. Items that would
wait for each other at the other end (they share a key) travel in one batch or one after the other,
and wait here, where waiting costs nothing.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
_CLOSING_PATIENCE = 10.0
_LOOK_AHEAD = 4
"""How many batches' worth of waiting items one batch looks through for those that depend on it."""


class QueueFullError(Exception):
    """As many items wait as may; this one was not taken."""


class DeadlineError(Exception):
    """The item's time is over. `sent` says whether it may have been served all the same."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("sent, but not answered in time" if sent else "not sent in time")
        self.sent = sent


class RepeatError(Exception):
    """Raised by `serve`: the same batch may be sent again, or first be halved."""

    def __init__(self, reason: str, *, halve: bool) -> None:
        super().__init__(reason)
        self.halve = halve


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much, and for how long (seconds).

    `lanes` batches are under way at once, of at most `batch` items; `waiting` items may wait; each
    is answered within `deadline`.
    """

    lanes: int = 2
    batch: int = 200
    waiting: int = 4096
    deadline: float = 15.0


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer]
    alone: Hashable
    shared: tuple[Hashable, ...]
    sent: bool = False

    def expire(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(DeadlineError(sent=self.sent))


@dataclass(slots=True, eq=False)
class _Batch(Generic[Item, Answer]):
    entries: list[_Entry[Item, Answer]] = field(default_factory=list["_Entry[Item, Answer]"])
    keys: set[Hashable] = field(default_factory=set[Hashable])
    behind: list[_Entry[Item, Answer]] = field(default_factory=list["_Entry[Item, Answer]"])
    """Those that wait for this batch."""


class Batcher(Generic[Item, Answer]):
    """Ask for one answer; get it from a batch.

    `serve(items, repeat)` answers each item in order; an answer that is an exception is raised to
    its asker. `repeat` is true where an earlier attempt at these items may have been served. It may
    raise RepeatError; anything else it raises is blamed on one of the items: the batch is halved
    until the culprit stands alone.

    `alone(item)` is a key that comes once in a batch, `shared(item)` are keys that may come many
    times in one. No key is in two batches at once.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Item], bool], Awaitable[Sequence[Answer | Exception]]],
        limits: Limits,
        *,
        alone: Callable[[Item], Hashable] = id,
        shared: Callable[[Item], Iterable[Hashable]] = lambda _: (),
    ) -> None:
        self._serve = serve
        self._limits = limits
        self._alone = alone
        self._shared = shared
        self._queue: deque[_Entry[Item, Answer]] = deque()
        self._busy: dict[Hashable, _Batch[Item, Answer]] = {}
        self._idle: deque[asyncio.Future[None]] = deque()
        self._lanes: list[asyncio.Task[None]] = []
        self._serving = 0
        self._waiting = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many items wait to be sent."""
        return self._waiting

    async def ask(self, item: Item) -> Answer:
        """Answer the item. Raises QueueFullError, DeadlineError, or what `serve` says of it."""
        if self._closed or self._waiting >= self._limits.waiting:
            raise QueueFullError(f"{self._waiting} are waiting" if not self._closed else "closed")
        loop = asyncio.get_running_loop()
        if not self._lanes:
            self._lanes = [loop.create_task(self._lane()) for _ in range(self._limits.lanes)]
        entry: _Entry[Item, Answer] = _Entry(
            item, loop.create_future(), self._alone(item), tuple(self._shared(item))
        )
        timer = loop.call_later(self._limits.deadline, entry.expire)
        self._queue.append(entry)
        self._waiting += 1
        self._wake()
        try:
            return await entry.answer
        finally:
            timer.cancel()

    async def close(self) -> None:
        """Serve what waits, for a while, and stop."""
        self._closed = True
        while self._idle:
            self._wake()
        if self._lanes:
            _, late = await asyncio.wait(self._lanes, timeout=_CLOSING_PATIENCE)
            for lane in late:
                lane.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for entry in self._queue:
            entry.expire()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _wake(self) -> None:
        while self._idle:
            lane = self._idle.popleft()
            if not lane.done():
                lane.set_result(None)
                return

    async def _lane(self) -> None:
        while True:
            batch = self._take()
            if not batch.entries:
                if self._closed:
                    return
                sleeping = asyncio.get_running_loop().create_future()
                self._idle.append(sleeping)
                await sleeping
                continue
            self._serving += 1
            try:
                await self._answer(batch.entries, repeat=False)
            finally:
                self._serving -= 1
                self._release(batch)

    def _take(self) -> _Batch[Item, Answer]:
        """Take a fair share of what waits, and beyond it what would have to wait for this batch."""
        batch = _Batch[Item, Answer]()
        free = max(1, self._limits.lanes - self._serving)
        share = min(self._limits.batch, -(-len(self._queue) // free))
        passed: list[_Entry[Item, Answer]] = []
        while self._queue and len(batch.entries) < self._limits.batch:
            entry = self._queue.popleft()
            if entry.answer.done():
                self._waiting -= 1
            elif (ahead := self._ahead(entry, batch)) is not None:
                ahead.behind.append(entry)
            elif len(batch.entries) < share or not batch.keys.isdisjoint(entry.shared):
                self._join(entry, batch)
            else:
                passed.append(entry)
                if len(passed) >= _LOOK_AHEAD * self._limits.batch:
                    break
        self._queue.extendleft(reversed(passed))
        return batch

    def _ahead(
        self, entry: _Entry[Item, Answer], batch: _Batch[Item, Answer]
    ) -> _Batch[Item, Answer] | None:
        """The batch that the entry has to wait for, if any."""
        if entry.alone in batch.keys:
            return batch
        busy = self._busy
        for key in (entry.alone, *entry.shared):
            if (other := busy.get(key)) is not None and other is not batch:
                return other
        return None

    def _join(self, entry: _Entry[Item, Answer], batch: _Batch[Item, Answer]) -> None:
        self._waiting -= 1
        entry.sent = True
        batch.entries.append(entry)
        for key in (entry.alone, *entry.shared):
            batch.keys.add(key)
            self._busy[key] = batch

    def _release(self, batch: _Batch[Item, Answer]) -> None:
        for key in batch.keys:
            del self._busy[key]
        self._queue.extendleft(reversed(batch.behind))
        for _ in range(min(len(self._idle), len(batch.behind))):
            self._wake()

    async def _answer(self, entries: list[_Entry[Item, Answer]], *, repeat: bool) -> None:
        """Serve the entries, again or by halves, until each is answered or expired."""
        pause = _FIRST_PAUSE
        while entries := [entry for entry in entries if not entry.answer.done()]:
            try:
                answers = await self._serve([entry.item for entry in entries], repeat)
                _settle(entries, answers)
            except RepeatError as error:
                repeat = True
                if error.halve and len(entries) > 1:
                    return await self._halve(entries, repeat=True)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - it is raised to the asker it belongs to
                if len(entries) > 1:
                    return await self._halve(entries, repeat=repeat)
                _settle(entries, [error])
        return None

    async def _halve(self, entries: list[_Entry[Item, Answer]], *, repeat: bool) -> None:
        middle = len(entries) // 2
        await self._answer(entries[:middle], repeat=repeat)
        await self._answer(entries[middle:], repeat=repeat)


def _settle(entries: Sequence[_Entry[Item, Answer]], answers: Sequence[Answer | Exception]) -> None:
    for entry, answer in zip(entries, answers, strict=True):
        if entry.answer.done():
            continue
        if isinstance(answer, Exception):
            entry.answer.set_exception(answer)
        else:
            entry.answer.set_result(answer)
