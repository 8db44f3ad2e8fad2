"""A rebuild fills every read model anew while money moves, and names what was wrong."""

import asyncio

from mmo.projections.support.projector import TABLES, Projector
from mmo.projections.support.rebuild import rebuild
from tests.mmo.moving import passed, rows, sends
from tests.mmo.projections.folding import differences
from tests.servers.postgres import Database
from tests.workflows.house import House


async def catch_up(opened: House) -> None:
    await passed(opened.pool)
    projector = Projector(opened.pool)
    while await projector.round():
        pass


async def test_while_money_moves_it_ends_equal_row_by_row(opened: House) -> None:
    await asyncio.gather(*(sends(opened, "1") for _ in range(20)))
    await catch_up(opened)
    moving, heard = True, list[tuple[int, int]]()

    async def move() -> None:
        nonlocal moving
        for _ in range(40):
            await sends(opened, "1")
        moving = False

    async def project() -> None:
        while moving:
            await Projector(opened.pool).round()
            await asyncio.sleep(0.002)

    async def again() -> None:
        for _ in range(3):
            for compared in await rebuild(opened.pool, lambda *at: heard.append(at)):
                assert (compared.differences, compared.examples) == (0, ())
                assert compared.rows > 0

    await asyncio.gather(move(), project(), again())
    await catch_up(opened)

    assert heard
    assert all(position <= goal for position, goal in heard)
    assert await differences(opened.pool) == []


PLANTED = {
    "balance_view": "UPDATE projections.balance_view SET posted = posted + 1 WHERE entries > 1",
    "statement_view": "DELETE FROM projections.statement_view WHERE number = 1",
    "movement_view": "UPDATE projections.movement_view SET state = 'unknown'",
    "movement_wallet": "DELETE FROM projections.movement_wallet",
    "figure_view": "UPDATE projections.figure_view SET movements = movements + 1",
    "timeline_view": "UPDATE projections.timeline_view SET title = 'nothing' WHERE line = 1000",
}


async def test_a_planted_wrong_row_is_named_and_mended(opened: House) -> None:
    await sends(opened, "1")
    await sends(opened, "2")
    await catch_up(opened)
    assert set(PLANTED) == set(TABLES)
    async with opened.pool.connection() as connection:
        for statement in PLANTED.values():
            cursor = await connection.execute(statement.encode())
            assert cursor.rowcount > 0, statement

    found = {one.table: one for one in await rebuild(opened.pool, lambda *_: None)}

    assert all(one.differences > 0 and one.examples for one in found.values())
    assert any("unknown" in example for example in found["movement_view"].examples)
    assert await differences(opened.pool) == []
    assert [one.differences for one in await rebuild(opened.pool, lambda *_: None)] == [0] * len(
        TABLES
    )


async def test_its_tables_have_the_same_owner_rights_and_keys_as_before(
    opened: House, database: Database
) -> None:
    about = """SELECT c.relname, c.relowner::regrole::text, c.relacl::text,
                      (SELECT array_agg(pg_get_constraintdef(k.oid) ORDER BY 1)
                         FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')
                 FROM pg_class c WHERE c.relnamespace = 'projections'::regnamespace
                  AND c.relkind = 'r' ORDER BY 1"""
    before = await rows(opened.pool, about)

    await rebuild(opened.pool, lambda *_: None)

    assert [row[0::3] for row in await rows(opened.pool, about)] == [row[0::3] for row in before]
    assert [row[1] for row in before] == ["mmo_as_projector"] * len(TABLES)
    reading = """SELECT bool_and(has_table_privilege('mmo_front', oid, 'SELECT')
                              AND NOT has_table_privilege('mmo_front', oid, 'UPDATE'))
                   FROM pg_class WHERE relnamespace = 'projections'::regnamespace
                    AND relkind = 'r'"""
    assert await rows(opened.pool, reading) == [(True,)]


async def test_one_that_was_cut_short_is_simply_begun_again(opened: House) -> None:
    await sends(opened, "1")
    await catch_up(opened)

    class CutError(Exception): ...

    def cut(*_: int) -> None:
        raise CutError

    for _ in range(2):
        try:
            await rebuild(opened.pool, cut)
        except CutError:
            continue
        raise AssertionError("it was not cut")

    assert await differences(opened.pool) == []
    assert {one.differences for one in await rebuild(opened.pool, lambda *_: None)} == {0}
