"""Claims on real books: what there is only so much of is taken with the posting, or not at all."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.start import request_of
from mmo.kernel.envelope import Quoted
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.movements.support.outcome import Outcome, Posted, Request
from tests.mmo.moving import operator, rows
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


def quote(*, fee: int = 0, life_s: int = 300) -> Quoted:
    until = datetime.now(UTC) + timedelta(seconds=life_s)
    prices = {"A": 1_000, **({"F": fee} if fee else {})}
    return Quoted(id=str(mint()), prices=prices, tariff=None, free={}, until=until.isoformat())


async def naming(opened: House, quoted: Quoted, value: str = "10.00") -> Request:
    parties = {"sender": "alice", "recipient": "bob"}
    return request_of(TENANT, await opened.accept("p2p-transfer", value, quoted=quoted, **parties))


async def taken(opened: House, quoted: Quoted) -> Any:
    found = await rows(opened.pool, "SELECT taken FROM movements.claim WHERE of = %s", quoted.id)
    return found[0][0] if found else None


def code(outcome: Outcome) -> str:
    return outcome.code if isinstance(outcome, Refused) else outcome.outcome


async def test_a_movement_keeps_the_terms_of_its_quote(opened: House) -> None:
    quoted = quote(fee=25)

    outcome = await opened.activities.execute(await naming(opened, quoted))

    assert isinstance(outcome, Posted)
    assert outcome.prices == {"A": 1_000, "F": 25}
    assert outcome.record["quote"] == quoted.id


async def test_of_many_movements_with_one_quote_one_keeps_it(opened: House) -> None:
    quoted = quote()
    asked = [await naming(opened, quoted) for _ in range(8)]

    said = await asyncio.gather(*(opened.activities.execute(one) for one in asked))

    assert sorted(map(code, said)) == ["posted"] + ["quote_used"] * 7
    assert await taken(opened, quoted) == 1


async def test_a_repeat_of_the_movement_does_not_use_the_quote_twice(opened: House) -> None:
    request = await naming(opened, quote())

    said = await asyncio.gather(*(opened.activities.execute(request) for _ in range(4)))

    assert {code(one) for one in said} == {"posted"}


async def test_a_refused_movement_leaves_the_quote_for_another(opened: House) -> None:
    quoted = replace(quote(), prices={"A": 10_000_000})
    refused = await opened.activities.execute(await naming(opened, quoted, "100000.00"))
    affordable = replace(quoted, prices={"A": 1_000})

    outcome = await opened.activities.execute(await naming(opened, affordable))

    assert code(refused) == "insufficient_funds"
    assert code(outcome) == "posted"


async def test_what_was_held_under_a_quote_and_given_back_leaves_the_quote(opened: House) -> None:
    quoted = quote()
    request = await naming(opened, quoted)
    await opened.activities.reserve(request)
    assert await taken(opened, quoted) == 1

    for _ in range(2):
        await opened.activities.release(await opened.decline(request))

    assert await taken(opened, quoted) == 0


async def test_settling_does_not_take_a_second_time(opened: House) -> None:
    quoted = quote()
    request = await naming(opened, quoted)
    await opened.activities.reserve(request)

    assert code(await opened.activities.settle(request)) == "posted"
    assert await taken(opened, quoted) == 1


async def test_a_quote_that_ran_out_is_not_kept(opened: House) -> None:
    outcome = await opened.activities.execute(await naming(opened, quote(life_s=-1)))

    assert code(outcome) == "quote_expired"
    assert isinstance(outcome, Refused)
    assert "held until" in outcome.record["considered"][-1]["reason"]


async def test_a_quote_whose_earner_is_gone_is_not_kept(opened: House) -> None:
    quoted = replace(quote(), prices={"A": 1_000, "C1": 10})

    assert code(await opened.activities.execute(await naming(opened, quoted))) == "quote_expired"
