"""Movements that rules ask approval for: agreed to, declined, too late, and under changed rules."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows.house import House
from tests.workflows.parked import (
    BANDS,
    CAPTURED,
    HELD,
    LIMIT,
    REFUSED,
    TRANSFER,
    VOIDED,
    audited,
    ended,
    journal,
    parked,
    told,
)
from tests.workflows.ruled import give_roles, over, put_rule, retire

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
async def waiting(opened: House) -> House:
    """From KES 10.00 on, a manager must agree to a transfer."""
    await put_rule(opened.pool, BANDS, TRANSFER, over(LIMIT, "manager"))
    for subject in ("manager-1", "manager-2"):
        await give_roles(opened.pool, subject, "manager")
    await give_roles(opened.pool, "teller-1", "teller")
    return opened


async def test_below_the_band_nobody_is_asked(waiting: House) -> None:
    assert (await waiting.move("p2p-transfer", "9.99", sender="alice", recipient="bob"))[
        "state"
    ] == "posted"


async def test_what_a_manager_agrees_to_is_settled_once(waiting: House) -> None:
    before = await waiting.holds("bob")
    row = await parked(waiting)
    assert await waiting.holds("bob") == before

    await waiting.decide(row, "manager-1")

    assert (await ended(waiting, row))["state"] == "posted"
    assert await waiting.holds("bob") == before + 7000
    assert await journal(waiting, row.movement_id) == [HELD, CAPTURED]
    assert await told(waiting, row.movement_id) == ["requested", "approved-by-one", "approved"]


ENDINGS = {
    "rejected": ("manager-1", "reject", "declined"),
    "cancelled": ("clerk", "cancel", "cancelled"),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_somebody_stops_is_given_back_once(waiting: House, ending: str) -> None:
    by, choice, code = ENDINGS[ending]
    before = await waiting.holds("alice")
    row = await parked(waiting)

    await waiting.decide(row, by, choice)  # type: ignore[arg-type]

    outcome = await ended(waiting, row)
    assert (outcome["state"], outcome["code"]) == ("refused", code)
    assert await waiting.holds("alice") == before
    assert await journal(waiting, row.movement_id) == [HELD, VOIDED]
    assert (await told(waiting, row.movement_id))[-1] == ending


@pytest.mark.case("G5")
async def test_what_nobody_agrees_to_in_time_is_given_back(
    waiting: House, environment: WorkflowEnvironment
) -> None:
    row = await parked(waiting)

    await environment.sleep(DAY + HOUR)

    outcome = await ended(waiting, row)
    assert (outcome["state"], outcome["code"]) == ("refused", "expired")
    assert await journal(waiting, row.movement_id) == [HELD, VOIDED]


@pytest.mark.case("I1", "I2", "I3")
async def test_votes_that_do_not_count_leave_it_waiting_and_are_audited(waiting: House) -> None:
    row = await parked(waiting)

    await waiting.decide(row, "clerk")
    await waiting.decide(row, "teller-1")
    await waiting.decide(row, "manager-2", about="0" * 64)
    await waiting.decide(row, "manager-1", document="yes.yes.yes")
    await waiting.decide(row, "manager-1")

    assert (await ended(waiting, row))["state"] == "posted"
    told = await audited(waiting, row.movement_id)
    reasons = {reason for _, outcome, reason in told if outcome == "refused"}
    assert len(reasons) == 4
    assert {"by the maker", "holds none of the roles that are asked", "about another request"} < (
        reasons
    )
    assert ("manager-1", "done", None) in told


@pytest.mark.case("I2")
async def test_a_manager_who_is_none_any_more_does_not_count(waiting: House) -> None:
    row = await parked(waiting)
    await give_roles(waiting.pool, "manager-1")

    await waiting.decide(row, "manager-1")
    await waiting.decide(row, "manager-2")

    assert (await ended(waiting, row))["state"] == "posted"
    assert ("manager-1", "refused", "holds none of the roles that are asked") in await audited(
        waiting, row.movement_id
    )


@pytest.mark.case("I4")
async def test_one_person_counts_once_whatever_they_are(opened: House) -> None:
    await put_rule(opened.pool, BANDS, TRANSFER, over(LIMIT, "manager", people=2))
    for subject in ("manager-1", "manager-2"):
        await give_roles(opened.pool, subject, "manager", "risk")
    row = await parked(opened)

    await opened.decide(row, "manager-1")
    await opened.decide(row, "manager-1")
    await asyncio.sleep(0.5)
    still = await opened.outcome(row)
    await opened.decide(row, "manager-2")

    assert still["state"] == "pending_approval"
    assert (await ended(opened, row))["state"] == "posted"
    assert ("manager-1", "refused", "has decided already") in await audited(opened, row.movement_id)


@pytest.mark.case("I5")
async def test_who_may_agree_to_little_may_not_agree_to_much(opened: House) -> None:
    metadata = over(LIMIT, "teller")
    metadata["bands"] = [
        {"fromMinor": LIMIT, "toMinor": 5000, "roles": ["teller"]},
        {"fromMinor": 5000, "toMinor": None, "roles": ["manager"]},
    ]
    await put_rule(opened.pool, BANDS, TRANSFER, metadata)
    await give_roles(opened.pool, "teller-1", "teller")
    await give_roles(opened.pool, "manager-1", "manager")
    little, much = await parked(opened, "20.00"), await parked(opened, "70.00")

    for row in (little, much):
        await opened.decide(row, "teller-1")
    await opened.decide(much, "manager-1")

    assert (await ended(opened, little))["state"] == "posted"
    assert (await ended(opened, much))["state"] == "posted"
    assert ("teller-1", "refused", "holds none of the roles that are asked") in await audited(
        opened, much.movement_id
    )


@pytest.mark.case("I6")
async def test_a_rule_that_became_stricter_meanwhile_asks_for_more(waiting: House) -> None:
    await give_roles(waiting.pool, "risk-1", "risk")
    row = await parked(waiting)
    await put_rule(
        waiting.pool, "expression", TRANSFER,
        {"expression": "event.amount.minor < 5000", "message": "much", "otherwise": "ask",
         "roles": ["risk"]},
    )  # fmt: skip

    await waiting.decide(row, "manager-1")
    await asyncio.sleep(0.5)
    still = await waiting.outcome(row)
    await waiting.decide(row, "risk-1")

    assert still["state"] == "pending_approval"
    assert (await ended(waiting, row))["state"] == "posted"
    assert await journal(waiting, row.movement_id) == [HELD, CAPTURED]


@pytest.mark.case("I6")
async def test_a_rule_that_is_gone_meanwhile_takes_nothing_back(opened: House) -> None:
    rule = await put_rule(opened.pool, BANDS, TRANSFER, over(LIMIT, "manager", people=2))
    for subject in ("manager-1", "manager-2"):
        await give_roles(opened.pool, subject, "manager")
    row = await parked(opened)
    await opened.decide(row, "manager-1")
    await retire(opened.pool, rule)

    await asyncio.sleep(0.5)
    still = await opened.outcome(row)
    await opened.decide(row, "manager-2")

    assert still["state"] == "pending_approval"
    assert (await ended(opened, row))["state"] == "posted"


@pytest.mark.case("I6")
async def test_a_rule_that_refuses_by_now_gives_it_back(waiting: House) -> None:
    before = await waiting.holds("alice")
    row = await parked(waiting)
    await put_rule(
        waiting.pool,
        "expression",
        TRANSFER,
        {"expression": "event.amount.minor < 1", "message": "closed for today"},
    )

    await waiting.decide(row, "manager-1")

    outcome = await ended(waiting, row)
    assert (outcome["state"], outcome["code"]) == ("refused", "expression_refused")
    assert await waiting.holds("alice") == before
    assert await journal(waiting, row.movement_id) == [HELD, REFUSED, VOIDED]


async def test_a_reminder_and_then_somebody_above(
    opened: House, environment: WorkflowEnvironment
) -> None:
    metadata = over(LIMIT, "manager") | {
        "remindSeconds": 3600, "escalateSeconds": 7200, "escalateTo": ["director"],
    }  # fmt: skip
    await put_rule(opened.pool, BANDS, TRANSFER, metadata)
    await give_roles(opened.pool, "director-1", "director")
    row = await parked(opened)

    await environment.sleep(3 * HOUR)
    await opened.decide(row, "director-1")

    assert (await ended(opened, row))["state"] == "posted"
    assert await told(opened, row.movement_id) == [
        "requested", "reminded", "escalated", "approved-by-one", "approved",
    ]  # fmt: skip


@pytest.mark.case("I11")
async def test_a_substitute_agrees_for_whoever_is_away_but_never_to_their_own(
    waiting: House,
) -> None:
    async with waiting.pool.connection() as connection:
        for absent in ("manager-1", "clerk"):
            await connection.execute(
                """INSERT INTO approvals.substitute
                   VALUES (1, %s, 'deputy', now() - interval '1 day', now() + interval '9 days',
                           'manager-1')""",
                [absent],
            )
    await give_roles(waiting.pool, "clerk", "director")
    row = await parked(waiting)

    await waiting.decide(row, "deputy")

    assert (await ended(waiting, row))["state"] == "posted"


@pytest.mark.case("I11")
async def test_a_substitute_of_the_maker_is_the_maker(opened: House) -> None:
    await put_rule(opened.pool, BANDS, TRANSFER, over(LIMIT, "manager"))
    await give_roles(opened.pool, "clerk", "manager")
    await give_roles(opened.pool, "manager-1", "manager")
    async with opened.pool.connection() as connection:
        await connection.execute(
            """INSERT INTO approvals.substitute
               VALUES (1, 'clerk', 'deputy', now() - interval '1 day', now() + interval '9 days',
                       'clerk')"""
        )
    row = await parked(opened)

    await opened.decide(row, "deputy")
    await opened.decide(row, "manager-1")

    assert (await ended(opened, row))["state"] == "posted"
    assert ("deputy", "refused", "holds none of the roles that are asked") in await audited(
        opened, row.movement_id
    )


@pytest.mark.parametrize("choice", ["approve", "reject"])
async def test_what_debits_nobody_waits_too(waiting: House, choice: Any) -> None:
    await put_rule(waiting.pool, BANDS, "emoney.issue", over(LIMIT, "manager"))
    row = await waiting.begin(
        "emoney-issuance", "70.00", ["emoney:release"], recipient="super", bank_reference="BANK 7"
    )
    await waiting.outcome(row, "pending_approval")
    before = await waiting.holds("super")

    await waiting.decide(row, "manager-1", choice)

    outcome = await ended(waiting, row)
    if choice == "approve":
        assert (outcome["state"], await waiting.holds("super")) == ("posted", before + 7000)
    else:
        assert (outcome["code"], await waiting.holds("super")) == ("declined", before)
