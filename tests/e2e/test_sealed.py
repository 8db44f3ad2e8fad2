"""While the operator runs, audit and journal are sealed by a key that the database never saw."""

import asyncio
from typing import Any

import psycopg
import pytest

from mmo.audit.verify import Finding, verify
from tests.e2e.operator import Operator
from tests.e2e.town import Town
from workers.demo.seed import DEMO
from workers.seals import keys_of_seals, proving

pytestmark = pytest.mark.case("I13")


async def sealed(stack: Operator, stream: str) -> Finding:
    """The chain of the demo tenant, once everything that it wrote before is sealed."""
    for _ in range(300):
        with psycopg.connect(stack.database.dsn("mmo_background"), autocommit=True) as connection:
            found = {one.stream: one for one in proved(connection)}
        if stream in found and (not found[stream].unsealed or not found[stream].holds):
            return found[stream]
        await asyncio.sleep(0.1)
    raise AssertionError("the sealer does not seal")


def proved(connection: psycopg.Connection[Any]) -> list[Finding]:
    return verify(connection, proving(keys_of_seals(connection)), [DEMO.id])


async def test_what_was_moved_and_changed_is_sealed_within_a_moment(
    demo: Town, stack: Operator
) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    await alice.sends("1", bob)

    journal, audit = await sealed(stack, "journal"), await sealed(stack, "audit")

    assert (journal.holds, journal.why) == (True, "")
    assert journal.rows >= 2
    assert (audit.holds, audit.why) == (True, "")
    assert audit.rows >= 2


@pytest.mark.case("I12")
async def test_a_changed_record_is_named(demo: Town, stack: Operator, books: Any) -> None:
    await demo.customer()
    newest = books.execute(
        "SELECT seq, actor FROM audit.record WHERE tenant_id = %s ORDER BY xid DESC LIMIT 1",
        [DEMO.id],
    ).fetchone()
    await sealed(stack, "audit")  # with that record: others come meanwhile, by other tests
    books.execute("SET session_replication_role = replica")
    change = "UPDATE audit.record SET actor = %s WHERE tenant_id = %s AND seq = %s"
    books.execute(change, ["someone", DEMO.id, newest[0]])
    try:
        found = await sealed(stack, "audit")
    finally:
        books.execute(change, [newest[1], DEMO.id, newest[0]])

    assert found.why == "a row was changed, or stands in another place"
    assert (await sealed(stack, "audit")).holds
