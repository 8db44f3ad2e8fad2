"""Journal, events, commands and histories of a span: what one of them lacks is named."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from mmo.books.deriving import DERIVED
from mmo.histories.reconciling import Break, Tally, sides
from mmo.tenancy.scope import scoped
from mmo.trials.parts import beginning
from tests.mmo.books.closing import closed
from tests.mmo.movements.test_terms_in_force import FLAT, price
from tests.mmo.moving import operator, sends
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


async def tally(opened: House) -> Tally:
    now = datetime.now(UTC)
    span = beginning(now - timedelta(hours=1)), beginning(now + timedelta(minutes=1))
    async with scoped(opened.pool, TENANT.id) as connection:
        return await sides(connection, TENANT.id, *span, sorted(DERIVED))


async def test_sound_books_have_no_breaks_and_derived_journals_no_workflow(opened: House) -> None:
    await price(opened, FLAT)
    await sends(opened, "10.00")
    await closed(opened)

    found = await tally(opened)

    assert (found.broken, found.breaks) == (0, [])
    assert found.journals == found.events > 3
    assert found.open > 0


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (
            """DELETE FROM messaging.event WHERE data ->> 'type' = 'p2p-transfer'""",
            "step 1 is in the journal, and no event tells it",
        ),
        (
            """DELETE FROM ledger.journal WHERE code = 'p2p-transfer'""",
            "an event tells step 1, which is not in the journal",
        ),
        (
            """DELETE FROM movements.command WHERE type = 'p2p-transfer'""",
            "the journal has it, and nobody asked for it",
        ),
        (
            """UPDATE movements.command SET kept = true WHERE type = 'p2p-transfer'""",
            "its workflow has ended, and its history is not kept",
        ),
    ],
)
async def test_what_is_lacking_is_named(
    opened: House, database: Database, plant: str, what: str
) -> None:
    await sends(opened, "10.00")

    with psycopg.connect(database.admin) as books:
        books.execute("SET session_replication_role = replica")
        books.execute(plant.encode())

    assert [one.what for one in (await tally(opened)).breaks] == [what]


def test_parts_put_together_are_the_whole_and_name_the_first_breaks() -> None:
    part = Tally(histories=2, journals=3, events=3, open=1)
    part.note([Break(movement=str(number), what="lost") for number in range(40)])
    whole = Tally()

    for _ in range(2):
        whole.add(Tally.of(part.row()))

    assert (whole.histories, whole.broken, len(whole.breaks)) == (4, 80, 50)
