"""The watch over the books: what is planted is found, and a missing shilling stops issuance."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from mmo.books import trust, watching
from mmo.books.trust import Statement
from mmo.books.verify import INVARIANTS
from mmo.kernel.refusals import Refused
from mmo.ledger.verify import verify
from mmo.movements.support.outcome import Outcome
from mmo.tenancy.scope import scoped
from tests.mmo.books.closing import balance_of, closed
from tests.mmo.movements.test_terms_in_force import FLAT, price
from tests.mmo.moving import asking, moves, operator, passed, rows, sends
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House
from workers.watch import Watch


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


def watch(opened: House, rests: float = 0.0) -> Watch:
    return Watch(opened.pool, cast("Any", None), rests=rests)


async def wrong(over: Watch) -> list[str]:
    return [one.invariant for one in await over.look(TENANT) if one.violations]


async def the_bank_says(opened: House, missing: int) -> None:
    """The day is closed, and the bank holds so much less than there is e-money."""
    day = (await closed(opened)).business_date
    held = -(await balance_of(opened, day))["TRUST_BANK"].closing - missing
    line = {"reference": "R", "amount": held, "date": day.isoformat()}
    statement = Statement(bank="One", currency="KES", as_of=day, opening=0, closing=held,
                          lines=[line], filed_by="tests")  # fmt: skip
    async with scoped(opened.pool, TENANT.id) as connection:
        assert await trust.file(connection, TENANT.id, statement)


def code(outcome: Outcome) -> str:
    return outcome.code if isinstance(outcome, Refused) else outcome.outcome


async def issues(opened: House) -> Outcome:
    return await moves(opened, "emoney-issuance", "1", recipient="super", bank_reference="B")


async def test_sound_books_are_found_sound(opened: House) -> None:
    await price(opened, FLAT)
    await sends(opened, "10.00")
    await the_bank_says(opened, missing=0)

    assert await wrong(watch(opened)) == []
    assert code(await issues(opened)) == "posted"


@pytest.mark.parametrize(
    ("invariant", "plant"),
    [
        ("total", "UPDATE ledger.account SET posted = posted + 1 WHERE code = 'CUSTOMER'"),
        (
            "zero_sum",
            """UPDATE ledger.journal SET amounts[1] = amounts[1] + 1
                WHERE code = 'p2p-transfer' AND status = 0""",
        ),
        (
            "clearing",
            "UPDATE ledger.account SET posted = 5 WHERE code = 'ISSUANCE_PENDING'",
        ),
        (
            "returned",
            """INSERT INTO movements.reversal
               (tenant_id, original, movement, amount, fees, legs, posted)
               SELECT j.tenant_id, j.txn,
                      (SELECT txn FROM ledger.journal ORDER BY seq DESC LIMIT 1), 1000,
                      'returned', jsonb_build_object(j.accounts[1], -2 * j.amounts[1]), false
                 FROM ledger.journal j WHERE j.code = 'p2p-transfer' ORDER BY j.seq LIMIT 1""",
        ),
        ("accepted", "DELETE FROM movements.command WHERE type = 'p2p-transfer'"),
        ("accepted", "UPDATE movements.command SET type = 'cash-in' WHERE type = 'p2p-transfer'"),
        (
            "accepted",
            """UPDATE movements.command SET body = jsonb_set(body, '{amount,value}', '"9.00"')
                WHERE type = 'p2p-transfer'""",
        ),
        (
            "accepted",
            """UPDATE movements.command SET body = jsonb_set(body, '{recipient}', body -> 'sender')
                WHERE type = 'p2p-transfer'""",
        ),
    ],
)
async def test_what_is_planted_is_found(
    opened: House, database: Database, invariant: str, plant: str
) -> None:
    await sends(opened, "10.00")
    over = watch(opened)
    assert await wrong(over) == []
    await sends(opened, "10.00")  # since the last look

    with psycopg.connect(database.admin) as books:
        books.execute("SET session_replication_role = replica")
        books.execute(plant.encode())

    await passed(opened.pool)
    assert invariant in await wrong(over)
    assert invariant in await wrong(over), "it is told until it is mended"
    async with scoped(opened.pool, TENANT.id) as connection:
        told = {row["invariant"]: row for row in await watching.told(connection, TENANT.id)}
    with psycopg.connect(database.admin) as books:
        checks = {one.invariant.name: one for one in verify(books, INVARIANTS)}
    assert checks[invariant].rows, "`mmo verify` names it too"
    assert told[invariant]["violations"] > 0
    assert told[invariant]["detail"]


async def test_all_accounts_are_looked_at_in_a_pace_that_its_cost_sets(opened: House) -> None:
    over = watch(opened, rests=1e9)

    first = {one.invariant for one in await over.look(TENANT)}
    then = {one.invariant for one in await over.look(TENANT)}

    assert first - then == {"total", "clearing", "mirrors"}
    assert then == {"zero_sum", "returned", "accepted", "trust"}


async def test_a_look_that_takes_too_long_holds_up_nothing_else(
    opened: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = watch(opened, rests=1e9)
    await the_bank_says(opened, missing=1_00)

    async def too_long(*_: Any) -> list[Any]:
        raise psycopg.errors.QueryCanceled

    monkeypatch.setattr(watching, "look_over", too_long)
    with pytest.raises(psycopg.errors.QueryCanceled):
        await over.look(TENANT)

    assert code(await issues(opened)) == "movement_suspended"
    assert await wrong(over) == ["trust"]


async def test_a_shilling_that_is_missing_stops_issuance_and_nothing_else(opened: House) -> None:
    pending = await asking(opened, "emoney-issuance", "7", recipient="super", bank_reference="B")
    await opened.activities.execute(pending)
    await the_bank_says(opened, missing=1_00)

    assert await wrong(watch(opened)) == ["trust"]

    refused = await issues(opened)
    assert isinstance(refused, Refused)
    assert refused.code == "movement_suspended"
    assert "100 minor units" in refused.reason
    await opened.prove(pending, "release", "release")
    assert code(await opened.activities.execute(pending.then(2))) == "movement_suspended"
    cancelled = pending.then(3, because="movement_suspended")
    assert code(await opened.activities.execute(cancelled)) == "posted"
    assert code(await sends(opened, "1.00")) == "posted"


async def test_an_end_of_the_freeze_that_people_agreed_to_stands(
    opened: House, database: Database
) -> None:
    await the_bank_says(opened, missing=1)
    over = watch(opened)
    await over.look(TENANT)
    with psycopg.connect(database.admin) as books:
        books.execute("UPDATE dated.version SET until = now() WHERE state = 'active'")
        books.execute("UPDATE dated.definition SET retired_at = now()")

    await over.look(TENANT)

    assert code(await issues(opened)) == "posted"
    told = await rows(
        opened.pool, "SELECT count(*) FROM dated.version WHERE title = 'by the watch'"
    )
    assert told == [(1,)]
