"""Dated terms in the database: two people, one version at a time, and everybody hears of it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.dated.postgres import FOUR_EYES, Held, NewVersion, add, lock
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import mint
from mmo.movements.support.terms import EMPTY, Terms, compiled
from mmo.tenancy.scope import scoped
from tests.mmo.changes.asking import audited, changes_of, events
from tests.mmo.moving import operator, rows
from tests.mmo.pricing.documents import FLAT_FEE, document
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House

MAKER, CHECKER = (Actor(subject=name, client="tests") for name in ("maker", "checker"))
KEY = {"movement": "p2p-transfer", "currency": "KES", "product": None}
DAY = timedelta(days=1)


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    """A small operator whose money moves in this process."""
    async with operator(database, tmp_path) as started:
        yield started


@dataclass(frozen=True)
class Desk:
    """Two people of the operator, who change tariffs."""

    house: House

    async def ask(self, event: str, tariff: UUID, by: Actor, **body: Any) -> Carried:
        change = Asked(
            tenant=TENANT.slug, tenant_id=TENANT.id, id=mint(), event=f"tariff.{event}",
            object=f"tariff/{tariff}", body=body, actor=by,
        )  # fmt: skip
        done = await changes_of(self.house).run(change)
        assert isinstance(done, Carried), done
        return done

    async def set(self, tariff: UUID, event: str = "create", **more: Any) -> int:
        """Let the maker set a version; its number."""
        told = {"title": "Prices", "content": document(charges=[FLAT_FEE]), "since": None,
                "until": None}  # fmt: skip
        about = {"key": KEY} if event == "create" else {}
        return (await self.ask(event, tariff, MAKER, **about, **(told | more))).result.number

    async def approve(self, tariff: UUID, number: int, by: Actor = CHECKER) -> Any:
        return (await self.ask("approve", tariff, by, number=number)).result

    async def in_force(self, **more: Any) -> UUID:
        """A tariff that is approved."""
        tariff = mint()
        await self.approve(tariff, await self.set(tariff, **more))
        return tariff

    async def states(self, tariff: UUID) -> list[str]:
        sql = "SELECT state FROM dated.version WHERE definition_id = %s ORDER BY number"
        return [state for (state,) in await rows(self.house.pool, sql, tariff)]

    async def rules_version(self) -> int:
        sql = "SELECT rules_version FROM ledger.tenant WHERE tenant_id = %s"
        return (await rows(self.house.pool, sql, TENANT.id))[0][0]


@pytest.fixture
def desk(opened: House) -> Desk:
    return Desk(opened)


def later(days: int) -> str:
    return (datetime.now(UTC) + days * DAY).isoformat()


async def declined(code: str, doing: Any) -> None:
    with pytest.raises(DeclinedError) as refused:
        await doing
    assert refused.value.code == code


async def test_a_tariff_waits_for_a_second_person_and_then_prices(desk: Desk) -> None:
    held = Held[Terms](desk.house.pool, compiled, EMPTY)
    tariff = mint()
    number = await desk.set(tariff)
    before = await desk.rules_version()
    waiting = await held.at_least(TENANT.id, before)

    await declined("maker_may_not", desk.approve(tariff, number, MAKER))
    approved = await desk.approve(tariff, number)
    after = await desk.rules_version()
    terms = await held.at_least(TENANT.id, after)

    assert (approved.state, approved.decided_by) == ("active", "checker")
    assert after > before
    assert (
        waiting.tariffs.terms.find("p2p-transfer", "KES", product=None, at=datetime.now(UTC))
        is None
    )
    found = terms.tariffs.terms.find("p2p-transfer", "KES", product=None, at=datetime.now(UTC))
    assert found is not None
    assert (found.id, found.version) == (str(tariff), 1)
    assert held.held(TENANT.id) is terms
    assert await audited(desk.house, f"tariff/{tariff}") == [
        ("tariff.create", "done", None), ("tariff.approve", "done", None),
    ]  # fmt: skip


async def test_each_change_has_its_own_event(desk: Desk) -> None:
    tariff = await desk.in_force()
    change = Asked(
        tenant=TENANT.slug, tenant_id=TENANT.id, id=mint(), event="tariff.retire",
        object=f"tariff/{tariff}", body={}, actor=MAKER,
    )  # fmt: skip
    await changes_of(desk.house).run(change)

    ((told, data),) = await events(desk.house, change)

    assert told == "mmo.tariff.retire.v1"
    assert data["object"] == f"tariff/{tariff}"


async def test_another_name_of_the_maker_is_the_maker(desk: Desk) -> None:
    tariff = mint()
    number = await desk.set(tariff)
    disguised = Actor(subject="checker", client="tests", attributes={"person": "maker"})

    await declined("maker_may_not", desk.approve(tariff, number, disguised))


async def test_the_next_version_ends_the_one_before_and_both_are_known_ahead(desk: Desk) -> None:
    tariff = await desk.in_force()
    free = document()
    number = await desk.set(tariff, "change", version=1, content=free, since=later(2))
    await desk.approve(tariff, number)

    held = Held[Terms](desk.house.pool, compiled, EMPTY)
    terms = await held.at_least(TENANT.id, await desk.rules_version())

    def version(days: int) -> int | None:
        moment = datetime.now(UTC) + days * DAY
        found = terms.tariffs.terms.find("p2p-transfer", "KES", product=None, at=moment)
        return found.version if found else None

    assert [version(days) for days in (-1, 0, 1, 3)] == [None, 1, 1, 2]
    assert await desk.states(tariff) == ["active", "active"]


async def test_a_gap_and_an_overlap_are_refused_when_asked_and_when_approved(desk: Desk) -> None:
    tariff = await desk.in_force(until=later(5))
    change = {"event": "change", "version": 1}

    await declined("version_gap", desk.set(tariff, **change, since=later(6)))
    await declined("version_overlaps", desk.set(tariff, **change, since=later(4)))
    await declined("term_invalid", desk.set(tariff, **change, since=later(-1)))

    assert await desk.states(tariff) == ["active"]


async def test_what_no_longer_fits_is_not_approved(desk: Desk) -> None:
    tariff = mint()
    number = await desk.set(tariff, since=later(1))
    await rows(
        desk.house.pool,
        "UPDATE dated.version SET since = now() - interval '1 hour' RETURNING number",
    )

    await declined("term_invalid", desk.approve(tariff, number))

    assert await desk.states(tariff) == ["pending"]


async def test_a_version_is_set_by_who_knows_the_newest(desk: Desk) -> None:
    tariff = await desk.in_force()

    await declined("version_conflict", desk.set(tariff, "change", version=2))
    results = await asyncio.gather(
        *(desk.set(tariff, "change", version=1) for _ in range(4)), return_exceptions=True
    )

    assert [one for one in results if not isinstance(one, DeclinedError)] == [2]
    assert {one.code for one in results if isinstance(one, DeclinedError)} == {"version_conflict"}


async def test_who_comes_second_waits_for_the_first_and_then_knows_better(desk: Desk) -> None:
    tariff = await desk.in_force()
    first = NewVersion(title="First", content=document(), made_by="maker")

    async with scoped(desk.house.pool, TENANT.id) as connection:
        await lock(connection, TENANT.id, tariff)
        second = asyncio.create_task(desk.set(tariff, "change", version=1))
        await asyncio.sleep(0.5)
        assert not second.done()
        await add(connection, TENANT.id, tariff, first)

    await declined("version_conflict", second)


async def test_of_two_who_approve_at_once_one_does(desk: Desk) -> None:
    tariff = mint()
    number = await desk.set(tariff)

    results = await asyncio.gather(
        *(desk.approve(tariff, number) for _ in range(4)), return_exceptions=True
    )

    codes = [one.code for one in results if isinstance(one, DeclinedError)]
    assert codes == ["version_not_pending"] * 3
    assert await desk.states(tariff) == ["active"]


async def test_what_waited_is_rejected_by_the_next_and_by_a_person(desk: Desk) -> None:
    tariff = mint()
    await desk.set(tariff)
    await desk.set(tariff, "change", version=1)
    await declined("version_not_pending", desk.approve(tariff, 1))

    rejected = (await desk.ask("reject", tariff, CHECKER, number=2)).result

    assert rejected.state == "rejected"
    assert await desk.states(tariff) == ["rejected", "rejected"]


async def test_a_tariff_that_is_retired_is_never_changed_and_its_key_is_free(desk: Desk) -> None:
    tariff = await desk.in_force()
    await declined("already_there", desk.set(mint()))
    ending = (await desk.ask("retire", tariff, MAKER)).result
    await desk.approve(tariff, ending.number)

    await declined("version_conflict", desk.set(tariff, "change", version=2))
    await declined("version_conflict", desk.ask("retire", tariff, MAKER))
    again = await desk.in_force()

    held = Held[Terms](desk.house.pool, compiled, EMPTY)
    terms = await held.at_least(TENANT.id, await desk.rules_version())
    found = terms.tariffs.terms.find("p2p-transfer", "KES", product=None, at=datetime.now(UTC))
    assert found is not None
    assert found.id == str(again)
    assert await desk.states(tariff) == ["active", "retired"]


async def test_two_who_set_the_first_tariff_at_once_make_one(desk: Desk) -> None:
    results = await asyncio.gather(*(desk.set(mint()) for _ in range(4)), return_exceptions=True)

    codes = [one.code for one in results if isinstance(one, DeclinedError)]
    assert codes == ["already_there"] * 3


async def test_what_is_no_tariff_is_not_set(desk: Desk) -> None:
    await declined("tariff_invalid", desk.set(mint(), content={"currency": "KES", "fee": "1"}))
    await declined("tariff_invalid", desk.set(mint(), content={"currency": "UGX"}))
    await declined("not_found", desk.set(mint(), "change", version=1))
    change = {"key": KEY | {"product": 4711}}
    with pytest.raises(DeclinedError) as refused:
        await desk.ask("create", mint(), MAKER, title="Prices", content=document(), since=None,
                       until=None, **change)  # fmt: skip
    assert refused.value.code == "product_unknown"


async def test_where_nobody_else_is_needed_a_version_is_in_force_at_once(desk: Desk) -> None:
    async with scoped(desk.house.pool, TENANT.id) as connection:
        asked = await FOUR_EYES.ask(connection, TENANT.id, False, MAKER)
        again = await FOUR_EYES.ask(connection, TENANT.id, False, MAKER)
        waived = await FOUR_EYES.ask(connection, TENANT.id, False, CHECKER)
    tariff = mint()
    await desk.set(tariff)

    assert (asked, again, waived) == (True, True, False)
    assert await desk.states(tariff) == ["active"]


async def test_what_was_approved_is_never_written_again(desk: Desk, database: Database) -> None:
    tariff = await desk.in_force()

    with psycopg.connect(database.dsn("mmo_front"), autocommit=True) as front:
        for column in ("content = '{}'", "title = 'Other'", "number = 7", "made_by = 'nobody'"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                front.transaction(),
            ):
                write_as_front(front, column, tariff)
        with front.transaction(force_rollback=True):
            assert write_as_front(front, "decided_by = 'somebody'", tariff) == 1


def write_as_front(front: psycopg.Connection[Any], column: str, tariff: UUID) -> int:
    front.execute("SET LOCAL app.tenant = '1'")
    written = f"UPDATE dated.version SET {column} WHERE definition_id = %s"
    return front.execute(written.encode(), [tariff]).rowcount


async def test_no_moment_has_two_versions_whatever_the_code_believes(desk: Desk) -> None:
    tariff = await desk.in_force()

    with pytest.raises(psycopg.errors.UniqueViolation):
        await rows(
            desk.house.pool,
            """INSERT INTO dated.version (tenant_id, definition_id, number, title, state, wanted,
                                          content, since, made_by)
               VALUES (%s, %s, 2, 'Other', 'active', 'active', '{}', now(), 'x')
               RETURNING number""",
            TENANT.id, tariff,
        )  # fmt: skip
