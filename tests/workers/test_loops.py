"""A loop: one active at a time, a fault costs a pause, and who is told to stop stops."""

import asyncio
from collections.abc import Callable

import psycopg

from tests.servers.postgres import Database
from workers.loops import RETRY_S, run_alone, woken_by_feed


async def until(so: Callable[[], bool]) -> None:
    """Wait until it is so, at most some seconds."""
    for _ in range(400):
        if so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to pass")


async def test_one_of_two_works_and_the_other_takes_over(database: Database) -> None:
    settings = database.settings("mmo_sweeper")
    worked: list[str] = []
    stops = {"first": asyncio.Event(), "second": asyncio.Event()}

    def round_of(name: str):
        async def work() -> bool:
            worked.append(name)
            return False

        return work

    def run(name: str) -> asyncio.Task[None]:
        return asyncio.create_task(
            run_alone("sweeper", settings, stops[name], round_of(name), 0.02)
        )

    first = run("first")
    await until(lambda: "first" in worked)
    second = run("second")
    await asyncio.sleep(0.3)
    assert set(worked) == {"first"}

    stops["first"].set()
    await first
    await until(lambda: "second" in worked)

    stops["second"].set()
    await second


async def test_a_fault_costs_a_pause_and_not_the_loop(database: Database) -> None:
    stop, rounds = asyncio.Event(), 0

    async def work() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise OSError("the broker is away")
        stop.set()
        return False

    async with asyncio.timeout(RETRY_S * 5):
        await run_alone("relay", database.settings("mmo_relay"), stop, work, 0.01)

    assert rounds == 2


async def test_a_loop_whose_connection_is_cut_leads_again(database: Database) -> None:
    stop, cut = asyncio.Event(), False
    rounds_after = 0

    async def work() -> bool:
        nonlocal cut, rounds_after
        if cut:
            rounds_after += 1
            stop.set()
            return False
        async with await psycopg.AsyncConnection.connect(database.admin, autocommit=True) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mmo_relay'"
                " AND datname = current_database()"
            )
        cut = True
        return False

    async with asyncio.timeout(RETRY_S * 5):
        await run_alone("relay", database.settings("mmo_relay"), stop, work, 0.01)

    assert rounds_after == 1


async def test_the_feed_wakes_a_loop_within_a_quarter_of_a_second_without_a_bell(
    database: Database,
) -> None:
    async with woken_by_feed(database.settings("mmo_projector")) as wake, asyncio.timeout(2):
        await wake.wait()
        wake.clear()
        await wake.wait()
