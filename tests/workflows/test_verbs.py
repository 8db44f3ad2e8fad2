"""The verbs of a movement on the real ledger: reserve, settle, release; twice, and too late."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from api.start import request_of
from mmo.kernel.refusals import Refused
from mmo.movements.support.outcome import Held, Posted, Released, Request
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House, house


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    nowhere = cast("Any", None)  # no Temporal is asked here
    async with house(database.settings("mmo_background"), nowhere, tmp_path) as started:
        await fund(started)
        yield started


async def fund(opened: House) -> None:
    for kind, parties in (
        ("emoney-issuance", {"recipient": "super", "bank_reference": "BANK 1"}),
        ("float-top-up", {"payer": "super", "payee": "agent"}),
        ("cash-in", {"agent": "agent", "customer": "alice"}),
    ):
        asked = await asking(opened, kind, "10.00", **parties)
        await opened.activities.execute(asked)
        if kind == "emoney-issuance":
            await opened.prove(asked, "release", "release")
            await opened.activities.execute(asked.then(2))


async def asking(opened: House, kind: str, value: str, **parties: str) -> Request:
    return request_of(TENANT, await opened.accept(kind, value, **parties))


async def sending(opened: House, value: str = "6.00") -> Request:
    return await asking(opened, "p2p-transfer", value, sender="alice", recipient="bob")


async def test_what_is_reserved_can_be_spent_by_nobody_else(opened: House) -> None:
    first, second = await sending(opened), await sending(opened)

    held = await opened.activities.reserve(first)
    refused = await opened.activities.execute(second)

    assert isinstance(held, Held)
    assert isinstance(refused, Refused)
    assert refused.code == "insufficient_funds"
    assert await opened.holds("alice") == 1000


async def test_what_was_reserved_is_posted_as_it_was_reserved(opened: House) -> None:
    first = await sending(opened)
    await opened.activities.reserve(first)

    settled = await opened.activities.settle(first)

    assert isinstance(settled, Posted)
    assert (await opened.holds("alice"), await opened.holds("bob")) == (400, 600)


@pytest.mark.case("G5")
async def test_what_is_released_is_free_again_and_cannot_be_settled(opened: House) -> None:
    first = await sending(opened)
    await opened.activities.reserve(first)

    released = await opened.activities.release(await opened.decline(first))
    late = await opened.activities.settle(first)

    assert isinstance(released, Released)
    assert isinstance(late, Refused)
    assert late.code == "hold_closed"
    assert isinstance(await opened.activities.execute(await sending(opened, "10.00")), Posted)


async def test_settling_what_was_never_reserved_moves_nothing(opened: House) -> None:
    refused = await opened.activities.settle(await sending(opened))

    assert isinstance(refused, Refused)
    assert refused.code == "not_accepted"


@pytest.mark.parametrize("verb", ["reserve", "execute"])
@pytest.mark.case("H6")
@pytest.mark.case("H7")
async def test_every_verb_twice_is_the_verb_once(opened: House, verb: str) -> None:
    asked = await sending(opened)
    act = getattr(opened.activities, verb)

    once, twice = await act(asked), await act(asked)

    assert once == twice
    assert await opened.holds("alice") == (1000 if verb == "reserve" else 400)


async def test_the_second_answer_is_the_first_even_where_the_wallet_was_frozen_meanwhile(
    opened: House,
) -> None:
    asked = await sending(opened)
    once = await opened.activities.execute(asked)
    await opened.changes.freeze(TENANT.id, opened.identifier("alice"), request_actor(asked))

    assert await opened.activities.execute(asked) == once


@pytest.mark.case("G10")
async def test_a_frozen_wallet_refuses_and_the_refusal_stays_when_it_thaws(opened: House) -> None:
    asked = await sending(opened)
    actor = request_actor(asked)
    await opened.changes.freeze(TENANT.id, opened.identifier("bob"), actor)
    refused = await opened.activities.execute(asked)
    await opened.changes.unfreeze(TENANT.id, opened.identifier("bob"), actor)

    assert isinstance(refused, Refused)
    assert await opened.activities.execute(asked) == refused
    assert isinstance(await opened.activities.execute(await sending(opened)), Posted)


async def test_another_command_under_an_accepted_id_is_carried_out_by_nobody(
    opened: House,
) -> None:
    asked = await sending(opened)
    await opened.activities.execute(asked)
    other = replace(
        asked, command={**asked.command, "amount": {"value": "1.00", "currency": "KES"}}
    )

    refused = await opened.activities.execute(other)

    assert isinstance(refused, Refused)
    assert refused.code == "not_accepted"


def request_actor(asked: Request) -> Any:
    return asked.envelope.actor
