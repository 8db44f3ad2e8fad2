"""The micro-batcher: what gathers goes together, what conflicts waits, all of it has an end."""

import asyncio
from collections.abc import Sequence

import pytest

from mmo.ledger.batcher import Batcher, DeadlineError, Limits, QueueFullError, RepeatError


class Counter:
    """Stands at the other end: answers each item with its batch's number, when it is let to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.repeats: list[bool] = []
        self.open = asyncio.Event()
        self.open.set()
        self.faults: list[Exception] = []
        self.poison: str | None = None

    async def serve(self, items: Sequence[str], repeat: bool) -> Sequence[int]:
        self.batches.append(list(items))
        self.repeats.append(repeat)
        await asyncio.sleep(0)
        await self.open.wait()
        if self.faults:
            raise self.faults.pop()
        if self.poison in items:
            raise ValueError(f"cannot serve {self.poison}")
        return [len(self.batches)] * len(items)


def batcher(counter: Counter, **limits: float) -> Batcher[str, int]:
    """The key that comes once is the item's first letter; it shares the rest, letter by letter."""
    given = {"lanes": 1, "deadline": 5.0, **limits}
    return Batcher(
        counter.serve,
        Limits(**given),  # pyright: ignore[reportArgumentType]
        alone=lambda item: item[0],
        shared=lambda item: item[1:],
    )


async def soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_item_leaves_at_once() -> None:
    counter = Counter()
    async with batcher(counter) as queue:
        assert await queue.ask("a") == 1


async def test_what_gathers_while_one_is_served_goes_together() -> None:
    counter = Counter()
    counter.open.clear()
    async with batcher(counter) as queue:
        first = asyncio.create_task(queue.ask("a"))
        await soon()
        others = [asyncio.create_task(queue.ask(item)) for item in "bcd"]
        await soon()
        counter.open.set()

        assert await first == 1
        assert [await other for other in others] == [2, 2, 2]


async def test_a_batch_has_a_largest_size() -> None:
    counter = Counter()
    async with batcher(counter, batch=2) as queue:
        await asyncio.gather(*map(queue.ask, "abcde"))

    assert [len(one) for one in counter.batches] == [2, 2, 1]


async def test_idle_lanes_get_their_fair_share() -> None:
    counter = Counter()
    async with batcher(counter, lanes=2) as queue:
        await asyncio.gather(*map(queue.ask, "abcd"))

    assert [len(one) for one in counter.batches] == [2, 2]


async def test_a_key_comes_once_in_a_batch_and_never_in_two_at_once() -> None:
    counter = Counter()
    counter.open.clear()
    async with batcher(counter, lanes=3) as queue:
        asked = [asyncio.create_task(queue.ask("a")) for _ in range(3)]
        await soon()
        assert counter.batches == [["a"]]
        counter.open.set()
        await asyncio.gather(*asked)

    assert counter.batches == [["a"], ["a"], ["a"]]


async def test_items_that_share_a_key_travel_together_past_the_fair_share() -> None:
    counter = Counter()
    async with batcher(counter, lanes=2) as queue:
        await asyncio.gather(*map(queue.ask, ["ax", "bx", "cx", "d"]))

    assert sorted(counter.batches) == [["ax", "bx", "cx"], ["d"]]


async def test_an_item_waits_for_the_batch_that_has_its_key_and_holds_up_nobody_else() -> None:
    counter = Counter()
    counter.open.clear()
    async with batcher(counter, lanes=2) as queue:
        first = asyncio.create_task(queue.ask("ax"))
        await soon()
        behind, free = asyncio.create_task(queue.ask("bx")), asyncio.create_task(queue.ask("cy"))
        await soon()
        assert counter.batches == [["ax"], ["cy"]]
        counter.open.set()
        await asyncio.gather(first, behind, free)

    assert counter.batches[2:] == [["bx"]]


async def test_a_full_queue_takes_no_more() -> None:
    counter = Counter()
    counter.open.clear()
    async with batcher(counter, waiting=1) as queue:
        under_way = asyncio.create_task(queue.ask("a"))
        await soon()
        waiting = asyncio.create_task(queue.ask("b"))
        await soon()
        with pytest.raises(QueueFullError):
            await queue.ask("c")
        counter.open.set()
        await asyncio.gather(under_way, waiting)


async def test_past_its_deadline_an_item_says_whether_it_was_sent() -> None:
    counter = Counter()
    counter.open.clear()
    async with batcher(counter, deadline=0.05) as queue:
        under_way, waiting = await asyncio.gather(
            queue.ask("a"), queue.ask("a"), return_exceptions=True
        )
        counter.open.set()

    assert isinstance(under_way, DeadlineError)
    assert isinstance(waiting, DeadlineError)
    assert (under_way.sent, waiting.sent) == (True, False)
    assert counter.batches == [["a"]]


async def test_a_caller_that_left_is_not_served() -> None:
    counter = Counter()
    counter.open.clear()
    async with batcher(counter) as queue:
        first = asyncio.create_task(queue.ask("a"))
        await soon()
        gone = asyncio.create_task(queue.ask("b"))
        await soon()
        gone.cancel()
        counter.open.set()
        await first

    assert counter.batches == [["a"]]


async def test_a_poison_item_is_found_by_halving_and_fails_alone() -> None:
    counter = Counter()
    counter.poison = "c"
    async with batcher(counter) as queue:
        answers = await asyncio.gather(*map(queue.ask, "abcdef"), return_exceptions=True)

    assert [type(answer) for answer in answers] == [int, int, ValueError, int, int, int]


async def test_a_lost_answer_is_asked_for_again_as_a_repeat() -> None:
    counter = Counter()
    counter.faults = [RepeatError("connection lost", halve=False)]
    async with batcher(counter) as queue:
        await asyncio.gather(*map(queue.ask, "ab"))

    assert counter.batches == [["a", "b"], ["a", "b"]]
    assert counter.repeats == [False, True]


async def test_a_batch_that_is_too_much_at_once_is_halved_and_repeated() -> None:
    counter = Counter()
    counter.faults = [RepeatError("lock timeout", halve=True)]
    async with batcher(counter) as queue:
        await asyncio.gather(*map(queue.ask, "ab"))

    assert counter.batches == [["a", "b"], ["a"], ["b"]]
    assert counter.repeats == [False, True, True]


async def test_an_outage_ends_at_the_deadline_not_later() -> None:
    counter = Counter()
    counter.faults = [RepeatError("connection lost", halve=False)] * 1000
    async with batcher(counter, deadline=0.1) as queue:
        with pytest.raises(DeadlineError):
            await queue.ask("a")

    assert len(counter.batches) < 10


async def test_an_answer_too_few_is_nobodys_answer() -> None:
    async def careless(items: Sequence[str], repeat: bool) -> Sequence[int]:
        return []

    async with Batcher(careless, Limits(lanes=1)) as queue:
        with pytest.raises(ValueError, match="shorter"):
            await queue.ask("a")


async def test_closing_serves_what_waits_and_takes_nothing_new() -> None:
    counter = Counter()
    queue = batcher(counter, batch=1)
    asked = [asyncio.create_task(queue.ask(item)) for item in "abc"]
    await soon()
    await queue.close()

    assert [await one for one in asked] == [1, 2, 3]
    with pytest.raises(QueueFullError, match="closed"):
        await queue.ask("d")
