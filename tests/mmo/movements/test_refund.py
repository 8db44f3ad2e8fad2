"""A refund: the merchant gives back what a customer paid, and gets the discount back."""

from mmo.movements.support.taking_back import undoing
from tests.mmo.movements.taken_back import after, named, original

PAID = original(
    "merchant-payment", {"A": 100_000, "M": 1_000, "XM": 200}, customer="alice", merchant="bob"
)


def test_a_part_is_refunded_with_its_share_of_the_discount() -> None:
    assert named(PAID, undoing(PAID, 40_000, "returned")) == {
        "payee": -39_520,
        "OP.FEES": -400,
        "TAX.EXCISE": -80,
        "payer": 40_000,
    }


def test_the_rest_is_refunded_so_that_nothing_remains() -> None:
    rest = named(PAID, undoing(after(PAID, 33_333), 66_667, "returned"))
    first = named(PAID, undoing(PAID, 33_333, "returned"))

    assert {role: first[role] + rest[role] for role in first} == {
        "payee": -98_800,
        "OP.FEES": -1_000,
        "TAX.EXCISE": -200,
        "payer": 100_000,
    }
