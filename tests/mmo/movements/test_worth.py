"""What a movement is worth: priced by the tariff in force, limited by the profiles of both."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mmo.bep.listener import BusinessEventListener
from mmo.dated.term import Term
from mmo.movements.support.catalogue import movements
from mmo.movements.support.decide import Draft, decide
from mmo.movements.support.facts import Facts
from mmo.movements.support.outcome import Verb
from mmo.movements.support.terms import compiled
from tests.mmo.movements.people import NOW, WALLETS, facts, request, wallet

FEE = {"name": "fee", "payer": "sender", "schedule": {"kind": "flat", "amount": "25.00"},
       "tax": "0.20"}  # fmt: skip
COMMISSION = {
    "schedule": {"kind": "flat", "amount": "10.00"},
    "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
    "withholding": "0.05",
}


def tariff(movement: str, **content: Any) -> Term:
    key = {"movement": movement, "currency": "KES", "product": None}
    return Term(kind="tariff", id=f"tariff of {movement}", key=key, number=3,
                content={"currency": "KES", **content}, since=NOW - timedelta(1))  # fmt: skip


def limits(kind: str, tier: int = 1, **content: Any) -> Term:
    key = {"wallet_kind": kind, "tier": tier, "currency": "KES", "product": None}
    return Term(kind="limit-profile", id=f"limits of {kind}", key=key, number=2,
                content={"currency": "KES", **content}, since=NOW - timedelta(1))  # fmt: skip


def decided(known: Facts, movement: str = "p2p-transfer", value: str = "1000.00",
            verb: Verb = Verb.EXECUTE, **parties: str) -> Draft:  # fmt: skip
    named = parties or {"sender": "alice", "recipient": "bob"}
    asked = request(movement, value, **named)
    found = movements()[movement]
    command = found.command.model_validate(asked.command)
    draft = decide(found, command, asked, verb, known, BusinessEventListener())
    assert isinstance(draft, Draft)
    return draft


def legs(draft: Draft) -> dict[str, int]:
    return {leg.role: leg.amount for leg in draft.posting.legs}


def test_a_cash_out_is_priced_and_pays_commission_up_the_tree() -> None:
    agent = wallet("agent", earners={"super-agent": WALLETS["super"]})
    terms = compiled(3, [tariff("cash-out", charges=[FEE], commission=COMMISSION)])
    known = replace(facts(agent=agent), operator=terms)

    draft = decided(known, "cash-out", customer="alice", agent="agent")

    assert legs(draft) == {
        "payer": -103_000, "agent": 100_000, "OP.FEES": 2_500, "TAX.EXCISE": 500,
        "OP.COMMISSION_POOL": -1_000, "agent.commission": 760, "super-agent.commission": 190,
        "TAX.WHT": 50,
    }  # fmt: skip
    told = draft.posting.meta["tariff"]
    assert (told["id"], told["version"]) == ("tariff of cash-out", 3)
    assert told["lines"][0]["amount"] == 2_500


def test_a_super_agent_who_is_frozen_stops_no_cash_out() -> None:
    agent = wallet("agent", earners={"super-agent": WALLETS["super"]})
    terms = compiled(3, [tariff("cash-out", commission=COMMISSION)])
    known = replace(facts(agent=agent, super=wallet("super", state="frozen")), operator=terms)

    paid = legs(decided(known, "cash-out", customer="alice", agent="agent"))

    assert paid["agent.commission"] == 950
    assert "super-agent.commission" not in paid


def test_without_a_super_agent_the_agent_earns_it_all() -> None:
    terms = compiled(3, [tariff("cash-out", commission=COMMISSION)])

    draft = decided(replace(facts(), operator=terms), "cash-out", customer="alice", agent="agent")

    assert legs(draft)["agent.commission"] == 950
    assert "super-agent.commission" not in legs(draft)


def test_what_was_priced_once_is_not_priced_again() -> None:
    dear = compiled(4, [tariff("p2p-transfer", charges=[FEE])])
    known = replace(facts(), operator=dear, terms={"A": 100_000, "F": 100}, tariff={"id": "old"})

    draft = decided(known, verb=Verb.SETTLE)

    assert legs(draft) == {"payer": -100_100, "payee": 100_000, "OP.FEES": 100}
    assert draft.posting.meta["tariff"] == {"id": "old"}


def test_a_sender_may_say_what_leaves_in_all() -> None:
    terms = compiled(3, [tariff("p2p-transfer", charges=[FEE])])
    asked = request("p2p-transfer", "1030.00", sender="alice", recipient="bob")
    asked = replace(asked, command=asked.command | {"amount_type": "send"})
    found = movements()["p2p-transfer"]
    command = found.command.model_validate(asked.command)

    draft = decide(found, command, asked, Verb.EXECUTE, replace(facts(), operator=terms),
                   BusinessEventListener())  # fmt: skip

    assert isinstance(draft, Draft)
    assert legs(draft)["payee"] == 100_000
    assert legs(draft)["payer"] == -103_000


@pytest.mark.parametrize(
    ("term", "code"),
    [
        (limits("customer", limits=[{"direction": "out", "max": "999.99"}]),
         "greater_than_transaction_max_value"),
        (limits("customer", limits=[{"direction": "in", "min": "1000.01"}]),
         "less_than_transaction_min_value"),
        (limits("customer", limits=[{"direction": "sideways"}]), "terms_unreadable"),
        (tariff("p2p-transfer", charges=[{}]), "terms_unreadable"),
        (tariff("p2p-transfer", charges=[FEE | {"payer": "receiver", "schedule":
                                                {"kind": "flat", "amount": "2000"}}]),
         "fee_exceeds_amount"),
    ],
)  # fmt: skip
def test_terms_may_refuse_it(term: Term, code: str) -> None:
    draft = decided(replace(facts(), operator=compiled(3, [term])))

    assert draft.posting.refusal == code
    assert draft.posting.usage == ()


def test_the_amount_that_moves_counts_for_both_sides_and_a_fee_does_not() -> None:
    daily = {"limits": [{"direction": way, "daily": {"value": "5000"}} for way in ("out", "in")]}
    terms = compiled(
        3, [limits("customer", **daily, balance="9000"), tariff("p2p-transfer", charges=[FEE])]
    )

    draft = decided(replace(facts(), operator=terms))

    counts = [(row.account, row.amount, row.n, row.cap_amount) for row in draft.posting.usage]
    assert counts == [
        (1, 100_000, 1, 500_000), (2, 100_000, 1, 500_000), (2, 0, 0, 900_000),
    ]  # fmt: skip
    assert draft.posting.meta["limits"] == [
        {"role": role, "id": "limits of customer", "version": 2} for role in ("payer", "payee")
    ]


def test_a_free_use_is_counted_and_whoever_used_it_up_makes_the_price_stale() -> None:
    free = FEE | {"schedule": {"kind": "free", "count": 3, "per": "day",
                               "then": {"kind": "flat", "amount": "25.00"}}}  # fmt: skip
    terms = compiled(3, [tariff("p2p-transfer", charges=[free])])
    known = replace(facts(), operator=terms)

    first, fourth = (
        decided(replace(known, used={"fee": 2})),
        decided(replace(known, used={"fee": 3})),
    )

    (row,) = first.posting.usage
    assert (row.cap_n, row.n, row.refusal) == (3, 1, "stale")
    assert legs(first) == {"payer": -100_000, "payee": 100_000}
    assert fourth.posting.usage == ()
    assert legs(fourth)["OP.FEES"] == 2_500
