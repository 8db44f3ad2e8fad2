"""Velocity: this event counts, too, and every limit that it would exceed is named."""

from typing import Any

import pytest

from mmo.bep.facts import Need, RuleFacts
from mmo.bep.processor import MetadataError
from mmo.bep.processors.velocity import Velocity
from mmo.bep.verdict import Allow, Refuse
from tests.mmo.bep.cases import CASH_OUT, FREEZE, OFFERS, TRANSFER, event, facts

RULE = Velocity()
HOUR = 3600


def limits(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"limits": [{"by": "wallet", "windowSeconds": HOUR, **row} for row in rows]}


def used(**values: Any) -> RuleFacts:
    """What was counted by wallet of the payer within an hour."""
    need = Need("velocity", "payer", window_s=HOUR, by="wallet")
    return facts({need.key: values or None})


COUNTS = [
    ({"maxNumber": 3}, {"n": 2, "sum": 0}, True),
    ({"maxNumber": 3}, {"n": 3, "sum": 0}, False),
    ({"maxNumber": 0}, {"n": 0, "sum": 0}, False),
    ({"maxMinor": 5000}, {"n": 9, "sum": 4000}, True),
    ({"maxMinor": 5000}, {"n": 9, "sum": 4001}, False),
    ({"maxMinor": 5000, "currency": "KES"}, {"n": 9, "sum": 5000}, False),
    ({"maxNumber": 3, "maxMinor": 5000}, {"n": 2, "sum": 4000}, True),
    ({"maxNumber": 3, "maxMinor": 5000}, {"n": 2, "sum": 9000}, False),
    ({"maxNumber": 1}, {}, True),
]


@pytest.mark.parametrize(("limit", "counted", "allowed"), COUNTS)
def test_the_event_that_asks_counts_too(
    limit: dict[str, Any], counted: dict[str, int], allowed: bool
) -> None:
    metadata = RULE.read(limits(limit), TRANSFER, OFFERS)

    verdict = RULE.decide(event(minor=1000), used(**counted), metadata)

    assert isinstance(verdict, Allow) is allowed
    if isinstance(verdict, Refuse):
        assert verdict.code == "velocity_exceeded"
        assert verdict.details["limits"][0]["used"] == counted


def test_a_sum_of_another_currency_is_not_held_to_the_limit() -> None:
    metadata = RULE.read(limits({"maxMinor": 10, "currency": "KES"}), TRANSFER, OFFERS)

    assert RULE.decide(event(currency="USD"), used(n=0, sum=0), metadata) == Allow()


def test_every_limit_that_would_be_exceeded_is_named() -> None:
    both = limits({"maxNumber": 1}, {"maxMinor": 1}, {"maxNumber": 100})
    metadata = RULE.read(both, TRANSFER, OFFERS)

    verdict = RULE.decide(event(), used(n=4, sum=99), metadata)

    assert isinstance(verdict, Refuse)
    assert len(verdict.details["limits"]) == 2
    assert "number 5 of 1 within 1 hours" in verdict.reason
    assert "1099 of 1 minor units" in verdict.reason


NEEDS = [
    (TRANSFER, {"by": "wallet"}, Need("velocity", "payer", window_s=HOUR, by="wallet")),
    (
        TRANSFER,
        {"by": "wallet", "side": "payee"},
        Need("velocity", "payee", window_s=HOUR, by="wallet"),
    ),
    (
        TRANSFER,
        {"by": "counterparty"},
        Need("velocity", "payer", window_s=HOUR, by="counterparty", other="payee"),
    ),
    (TRANSFER, {"by": "device"}, Need("velocity", "payer", window_s=HOUR, by="device")),
    (CASH_OUT, {"by": "agent"}, Need("velocity", "agent", window_s=HOUR, by="wallet")),
    (
        CASH_OUT,
        {"by": "counterparty"},
        Need("velocity", "payer", window_s=HOUR, by="counterparty", other="agent"),
    ),
]


@pytest.mark.parametrize(("kind", "limit", "need"), NEEDS)
def test_what_is_counted_is_what_the_limit_says(kind: Any, limit: Any, need: Need) -> None:
    metadata = RULE.read(limits({"maxNumber": 1, **limit}), kind, OFFERS)

    assert RULE.needs(metadata, kind) == (need,)


def test_two_limits_on_the_same_count_are_read_once() -> None:
    metadata = RULE.read(limits({"maxNumber": 1}, {"maxMinor": 1}), TRANSFER, OFFERS)

    assert len(RULE.needs(metadata, TRANSFER)) == 1


WRONG = [
    ({"limits": []}, "/limits", "at least 1"),
    (limits({}), "/limits/0", "say maxNumber, maxMinor, or both"),
    (limits({"maxNumber": 1, "windowSeconds": 59}), "/limits/0/windowSeconds", "60"),
    (limits({"maxNumber": 1, "windowSeconds": 2_678_401}), "/limits/0/windowSeconds", "2678400"),
    (limits({"maxNumber": 1, "by": "agent"}), "/limits/0/by", "nobody to count by"),
    (limits({"maxMinor": 1, "currency": "KSH"}), "/limits/0/currency", "did you mean KES?"),
    (limits({"maxNumber": -1}), "/limits/0/maxNumber", "greater"),
]


@pytest.mark.parametrize(("written", "pointer", "what"), WRONG)
def test_limits_that_limit_nothing_are_turned_away(written: Any, pointer: str, what: str) -> None:
    with pytest.raises(MetadataError) as told:
        RULE.read(written, TRANSFER, OFFERS)

    found, message = told.value.errors[0]
    assert found == pointer
    assert what in message


def test_it_fits_what_has_a_payer_or_a_payee() -> None:
    assert RULE.fits(TRANSFER)
    assert not RULE.fits(FREEZE)
