"""What movements cost: the fee table by hand, and the tariffs that ask the operator for the same.

The two are written apart on purpose. Where they disagree, the day does not come out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.day.money import CURRENCY, nearest, value

TAX = Fraction(20, 100)
LEVY = Fraction(2, 1000)
WITHHELD = Fraction(5, 100)
SUPER_SHARE = Fraction(20, 100)
DISCOUNT = Fraction(75, 10_000)
CASH_OUT_FEE = Fraction(125, 10_000)
VOUCHER_FEE, VOUCHER_COMMISSION = 10_00, 4_00


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one movement costs whom, in minor units."""

    fee: int = 0
    tax: int = 0
    levy: int = 0
    discount: int = 0
    discount_tax: int = 0
    agent: int = 0
    agent_withheld: int = 0
    above: int = 0
    above_withheld: int = 0

    @property
    def on_top(self) -> int:
        """What the payer pays beside the amount."""
        return self.fee + self.tax + self.levy

    @property
    def off(self) -> int:
        """What the payee does not get of it."""
        return self.discount + self.discount_tax


def _taxed(fee: int) -> dict[str, int]:
    return {"fee": fee, "tax": nearest(fee * TAX)}


def _commission(whole: int, *, shared: bool = True) -> dict[str, int]:
    """The agent's and the super-agent's; what rounding leaves of the split is the agent's."""
    above = int(whole * SUPER_SHARE) if shared else 0
    agent = whole - above
    return {"agent": agent, "agent_withheld": nearest(agent * WITHHELD),
            "above": above, "above_withheld": nearest(above * WITHHELD)}  # fmt: skip


def _transfer(minor: int) -> Price:
    if minor <= 100_00:
        return Price()
    return Price(**_taxed(5_00 if minor <= 1_000_00 else 13_00))


def _cash_out(minor: int) -> Price:
    fee = min(max(nearest(minor * CASH_OUT_FEE), 5_00), 300_00)
    commission = _commission(nearest(minor * Fraction(4, 1000)))
    return Price(**_taxed(fee), **commission, levy=min(nearest(minor * LEVY), 50_00))


def _cash_in(minor: int) -> Price:
    return Price(**_commission(min(nearest(minor * Fraction(5, 1000)), 200_00)))


def _payment(minor: int) -> Price:
    discount = nearest(minor * DISCOUNT)
    return Price(discount=discount, discount_tax=nearest(discount * TAX))


def _voucher(_: int) -> Price:
    return Price(**_taxed(VOUCHER_FEE), **_commission(VOUCHER_COMMISSION, shared=False))


PRICES: Mapping[str, Callable[[int], Price]] = {
    "p2p-transfer": _transfer,
    "cash-out": _cash_out,
    "cash-in": _cash_in,
    "merchant-payment": _payment,
    "payment-request": _payment,
    "escrow": _payment,
    "voucher": _voucher,
}


def price(kind: str, minor: int) -> Price:
    """What a movement of so many minor units costs."""
    return PRICES[kind](minor) if kind in PRICES else Price()


def _charge(payer: str, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": f"{payer}-fee", "payer": payer, "tax": "0.20", "schedule": schedule}]


def _earns(schedule: dict[str, Any]) -> dict[str, Any]:
    shares = [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}]
    return {"schedule": schedule, "split": shares, "withholding": "0.05", "remainder": "agent"}


_BANDS = [
    {"from": "0", "amount": "0"},
    {"from": "100.01", "amount": "5.00"},
    {"from": "1000.01", "amount": "13.00"},
]
_DISCOUNT = {"charges": _charge("receiver", {"kind": "percent", "rate": "0.0075"})}
TARIFFS: Mapping[str, dict[str, Any]] = {
    "p2p-transfer": {"charges": _charge("sender", {"kind": "banded_flat", "bands": _BANDS})},
    "cash-out": {
        "charges": _charge("sender", {"kind": "percent", "rate": "0.0125", "floor": "5.00",
                                      "cap": "300.00"}),
        "levy": {"rate": "0.002", "cap": "50.00"},
        "commission": _earns({"kind": "percent", "rate": "0.004"}),
    },
    "cash-in": {"commission": _earns({"kind": "percent", "rate": "0.005", "cap": "200.00"})},
    "merchant-payment": _DISCOUNT,
    "payment-request": _DISCOUNT,
    "escrow": _DISCOUNT,
    "voucher": {
        "charges": _charge("sender", {"kind": "flat", "amount": "10.00"}),
        "commission": _earns({"kind": "flat", "amount": "4.00"}),
    },
}  # fmt: skip

# Limits of customers, in minor units.
TRANSFER_MAX, TRANSFERS_A_DAY = 60_000_00, 3
CASHED_OUT_A_DAY = 30_000_00
BALANCE_MAX = 200_000_00
ASKED_FROM = 20_000_00
"""Transfers from here on wait for a manager."""

LIMITS: dict[str, Any] = {
    "currency": CURRENCY,
    "balance": value(BALANCE_MAX),
    "limits": [
        {"direction": "out", "movement": "p2p-transfer", "max": value(TRANSFER_MAX),
         "daily": {"count": TRANSFERS_A_DAY}},
        {"direction": "out", "movement": "cash-out", "daily": {"value": value(CASHED_OUT_A_DAY)}},
    ],
}  # fmt: skip
