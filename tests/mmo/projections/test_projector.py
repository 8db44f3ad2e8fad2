"""The projector folds each event exactly once, whatever happens to it, and shows what is so."""

import asyncio
from datetime import UTC, datetime

from psycopg import AsyncConnection, Rollback

from mmo.messaging.postgres import lock_position, read_feed
from mmo.projections.balances import balance
from mmo.projections.movements import movement
from mmo.projections.statements import statement
from mmo.projections.support.position import lags, reached
from mmo.projections.support.projector import CONSUMER, Projector, fold
from mmo.projections.timeline import timeline
from mmo.tenancy.session import scoped_session
from tests.mmo.moving import asking, moves, passed, rows, sends
from tests.mmo.projections.folding import differences
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House
from workers.engine import open_engine


async def catch_up(opened: House) -> int:
    await passed(opened.pool)
    projector, rounds = Projector(opened.pool), 0
    while await projector.round():
        rounds += 1
    return rounds


async def busy(opened: House) -> None:
    """Movements of every outcome, many of them at once."""
    await asyncio.gather(*(sends(opened, f"{n}.50") for n in range(1, 11)))
    await sends(opened, "100000")
    redeemed = await asking(opened, "emoney-redemption", "20", holder="super")
    await opened.activities.execute(redeemed)
    returned = await asking(opened, "emoney-redemption", "30", holder="super")
    await opened.activities.execute(returned)
    await opened.prove(redeemed, "bank-answer", "paid")
    await opened.activities.execute(redeemed.then(2))
    await opened.prove(returned, "bank-answer", "not_paid")
    await opened.activities.execute(returned.then(3, because="returned_by_bank"))
    held = await asking(opened, "p2p-transfer", "7", sender="alice", recipient="bob")
    await opened.activities.reserve(held)
    freed = await asking(opened, "p2p-transfer", "8", sender="alice", recipient="bob")
    await opened.activities.reserve(freed)
    await opened.activities.release(await opened.decline(freed))


async def test_what_is_shown_is_a_fold_over_the_entries_and_the_events(opened: House) -> None:
    await busy(opened)

    assert await catch_up(opened) > 0

    assert await differences(opened.pool) == []
    shown = await rows(opened.pool, "SELECT DISTINCT state FROM projections.movement_view")
    assert {state for (state,) in shown} == {"posted", "refused", "pending_approval"}


async def test_a_projector_killed_between_fold_and_commit_has_folded_nothing(
    opened: House,
) -> None:
    await busy(opened)
    await passed(opened.pool)
    async with opened.pool.connection() as connection, connection.transaction():
        after = await lock_position(connection, CONSUMER)
        await fold(connection, await read_feed(connection, after), "projections")
        raise Rollback

    await catch_up(opened)

    assert await differences(opened.pool) == []


async def test_a_projector_whose_connection_is_cut_goes_on_where_it_stood(
    opened: House, database: Database
) -> None:
    await busy(opened)
    await passed(opened.pool)
    slow = await AsyncConnection.connect(database.dsn("mmo_projector"))
    await lock_position(slow, CONSUMER)
    await fold(slow, await read_feed(slow, 0), "projections")
    async with await AsyncConnection.connect(database.admin, autocommit=True) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mmo_projector'"
            " AND datname = current_database()"
        )
    await catch_up(opened)
    await slow.close()

    assert await differences(opened.pool) == []


async def test_two_projectors_at_once_fold_nothing_twice(opened: House) -> None:
    moving = True

    async def move() -> None:
        nonlocal moving
        for n in range(40):
            await sends(opened, f"{n + 1}")
        moving = False

    async def project() -> None:
        projector = Projector(opened.pool)
        while moving or await projector.round():
            await projector.round()
            await asyncio.sleep(0)

    await asyncio.gather(move(), project(), project())
    await catch_up(opened)

    assert await differences(opened.pool) == []


async def test_a_fold_of_small_pages_shows_the_same(opened: House) -> None:
    await busy(opened)
    await passed(opened.pool)
    async with opened.pool.connection() as connection:
        position = 0
        while events := await read_feed(connection, position, page=1):
            async with connection.transaction():
                await fold(connection, events, "projections")
            position = events[-1].xid

    assert await differences(opened.pool) == []


async def test_a_reader_waits_for_its_own_write_and_not_for_ever(opened: House) -> None:
    sent = await sends(opened, "1")
    assert sent.position
    waiting = asyncio.create_task(reached(opened.pool, int(sent.position)))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    await catch_up(opened)

    assert await waiting >= int(sent.position)
    assert await reached(opened.pool, 2**60) < 2**60


async def test_the_lag_is_what_is_not_read_yet(opened: House) -> None:
    await catch_up(opened)
    assert [(lag.consumer, lag.events) for lag in await lags(opened.pool)] == [("projector", 0)]

    await sends(opened, "1")
    await sends(opened, "2")

    (lag,) = await lags(opened.pool)
    assert lag.events == 2
    assert 0 <= lag.age_s < 60


async def test_reads_find_what_was_folded(opened: House, database: Database) -> None:
    request = await asking(opened, "p2p-transfer", "5", sender="alice", recipient="bob")
    await opened.activities.execute(request)
    await moves(opened, "p2p-transfer", "2", sender="bob", recipient="alice")
    await catch_up(opened)
    account = opened.wallets["bob"].accounts["wallet"]
    identifier = (await opened.commands.unanswered(-60, 10)) or None
    assert identifier is None, "both have their outcomes"

    async with (
        open_engine(database.settings("mmo_front")) as engine,
        scoped_session(engine, TENANT.id) as look,
    ):
        has = await balance(look, TENANT.id, account)
        lines = await statement(
            look, TENANT.id, account, since=None, until=None, before=None, limit=10
        )
        nothing = await statement(
            look, TENANT.id, account, since=datetime.now(UTC), until=None, before=None, limit=10
        )
        one = await movement(look, TENANT.id, lines[1].movement_id)
        told = await timeline(look, TENANT.id, lines[1].movement_id)

    assert has is not None
    assert (has.posted, has.held, has.entries) == (300, 0, 2)
    assert [(line.number, line.amount, line.balance) for line in lines] == [
        (2, -200, 300),
        (1, 500, 500),
    ]
    assert nothing == []
    assert one is not None
    assert (one.state, str(one.id)) == ("posted", str(request.envelope.movement))
    assert [line.kind for line in told] == ["requested", "decided", "posted"]
