"""A posting that makes no sense cannot be made."""

from datetime import datetime
from typing import Any

import pytest

from mmo.ledger.posting import LARGEST_AMOUNT, Instance, InvalidPostingError, Kind, Leg, Posting
from tests.mmo.ledger.books import counted, hold, pay, posting


@pytest.mark.parametrize("amount", [0, LARGEST_AMOUNT + 1, -LARGEST_AMOUNT - 1])
def test_a_leg_moves_something_and_not_too_much(amount: int) -> None:
    with pytest.raises(InvalidPostingError):
        Leg(account=1, amount=amount)


@pytest.mark.parametrize(
    "leg",
    [
        {"account": 1, "amount": 5},
        {"account": -1, "amount": -5},
        {"account": Instance("ESCROW", "KES"), "amount": -5},
    ],
)
def test_only_a_debit_of_a_strict_account_reserves(leg: dict[str, Any]) -> None:
    with pytest.raises(InvalidPostingError, match="reserves"):
        Leg(**leg, reserve=True)


@pytest.mark.parametrize("bad", [{"account": -1}, {"amount": -1}, {"n": -1}])
def test_a_counter_is_a_strict_accounts_and_only_grows(bad: dict[str, int]) -> None:
    with pytest.raises(InvalidPostingError):
        counted(**{"account": 1, "amount": 1, **bad})


def lopsided() -> Posting:
    return posting(Leg(account=1, amount=-2), Leg(account=2, amount=1))


@pytest.mark.parametrize(
    "make",
    [
        lopsided,
        lambda: posting(kind=Kind.HOLD),
        lambda: posting(*hold(1, 2, 5).legs),
        lambda: pay(1, 2, 5, kind=Kind.CAPTURE),
        lambda: pay(1, 2, 5, hold_step=1),
        lambda: pay(1, 2, 5, refusal="flagged"),
        lambda: pay(1, 2, 5, fingerprint=b""),
        lambda: pay(1, 2, 5, step=2**15),
        lambda: pay(1, 2, 5, effective_at=datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: pay(1, 2, 5, usage=(counted(1, 1),) * 33),
        lambda: posting(kind=Kind.REFUSE),
        lambda: posting(kind=Kind.VOID),
        lambda: posting(kind=Kind.VOID, hold_step=1, usage=(counted(1, 1),)),
        lambda: posting(*pay(1, 2, 5).legs * 17),
    ],
)
def test_a_posting_without_sense_cannot_be_made(make: Any) -> None:
    with pytest.raises(InvalidPostingError):
        make()


def test_the_key_of_a_posting_is_tenant_txn_and_step() -> None:
    asked = pay(1, 2, 5, step=3)

    assert asked.key == (1, asked.txn, 3)
