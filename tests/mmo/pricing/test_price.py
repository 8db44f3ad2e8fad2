"""Prices: worked numbers, and what is true of every price."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmo.pricing.price import (
    Allowance,
    CannotPriceError,
    Priced,
    PriceLine,
    Ticket,
    lines_of,
    price,
)
from mmo.pricing.rounding import rounded
from mmo.pricing.schedule import paid as parts_of
from mmo.pricing.tariff import Tariff, read
from tests.mmo.pricing.documents import (
    COMMISSION,
    FLAT_FEE,
    TREE,
    charged,
    document,
    paid,
    tariffs,
)

THOUSAND = 100_000
PAIR = frozenset({"agent", "super-agent"})


def symbols(tariff: Tariff, **ticket: Any) -> dict[str, int]:
    found = dict(price(tariff, Ticket(**{"amount": THOUSAND, **ticket})).symbols)
    del found["A"]
    return found


def test_a_cash_out_of_a_thousand_costs_what_the_domain_model_says() -> None:
    tariff = read(document(charges=[FLAT_FEE], commission=COMMISSION))

    found = symbols(tariff, earners=PAIR)

    assert found == {"F": 2500, "X": 500, "C1": 800, "C2": 200, "W1": 40, "W2": 10}
    net = (found["C1"] - found["W1"], found["C2"] - found["W2"], found["W1"] + found["W2"])
    assert net == (760, 190, 50)


def test_a_levy_on_the_value_is_the_senders() -> None:
    tariff = read(document(charges=[FLAT_FEE], levy={"rate": "0.01"}))

    assert symbols(tariff) == {"F": 2500, "X": 500, "T": 1000}


def test_a_merchant_fee_leaves_the_merchant_988_of_a_thousand() -> None:
    tariff = charged({"kind": "percent", "rate": "0.01"}, "receiver", tax="0.20")

    found = symbols(tariff)

    assert found == {"M": 1000, "XM": 200}
    assert THOUSAND - found["M"] - found["XM"] == 98_800


def test_a_third_party_bears_what_neither_side_pays() -> None:
    tariff = charged({"kind": "flat", "amount": "3.33"}, "third_party", tax="0.16")

    assert symbols(tariff) == {"S": 333, "XS": 53}


@pytest.mark.case("G9")
def test_a_shared_fee_is_shared_to_the_last_cent() -> None:
    tariff = charged({"kind": "flat", "amount": "0.05"}, "shared", sender_share="0.5")

    found = price(tariff, Ticket(amount=THOUSAND))

    assert found.symbols == {"A": THOUSAND, "F": 2, "M": 3}
    assert [line.payer for line in found.lines] == ["sender", "receiver"]


BANDED = {
    "kind": "banded_flat",
    "bands": [{"from": "0", "amount": "0"}, {"from": "100.01", "amount": "7"},
              {"from": "500.01", "amount": "13"}],
}  # fmt: skip
RATES = [{"from": "0", "rate": "0.02"}, {"from": "100", "rate": "0.01"}]
FEES: list[tuple[dict[str, Any], int, int]] = [
    (BANDED, 1, 0),
    (BANDED, 10_000, 0),
    (BANDED, 10_001, 700),
    (BANDED, 50_000, 700),
    (BANDED, 50_001, 1300),
    (BANDED, 10**15, 1300),
    ({"kind": "banded_percent", "bands": RATES}, 9_999, 200),
    ({"kind": "banded_percent", "bands": RATES}, 10_000, 100),
    ({"kind": "banded_percent", "bands": RATES, "floor": "1.50"}, 10_000, 150),
    ({"kind": "tiered_marginal", "tiers": RATES}, 10_000, 200),
    ({"kind": "tiered_marginal", "tiers": RATES}, 30_000, 400),
    ({"kind": "percent", "rate": "0.01", "floor": "5", "cap": "50"}, 100, 500),
    ({"kind": "percent", "rate": "0.01", "floor": "5", "cap": "50"}, 10**15, 5000),
    ({"kind": "percent", "rate": "1"}, 123, 123),
]


@pytest.mark.parametrize(("schedule", "amount", "fee"), FEES)
def test_each_schedule_asks_what_its_table_says(
    schedule: dict[str, Any], amount: int, fee: int
) -> None:
    assert symbols(charged(schedule), amount=amount).get("F", 0) == fee


ROUNDED = [
    ("half_even", 50, 0), ("half_even", 150, 2), ("half_even", 149, 1), ("half_even", 151, 2),
    ("half_up", 50, 1), ("half_up", 149, 1), ("half_up", 150, 2),
    ("up", 1, 1), ("up", 100, 1), ("up", 101, 2), ("down", 199, 1), ("down", 99, 0),
]  # fmt: skip


@pytest.mark.case("G9")
@pytest.mark.parametrize(("how", "amount", "fee"), ROUNDED)
def test_a_hundredth_of_the_amount_is_rounded_as_the_tariff_says(
    how: str, amount: int, fee: int
) -> None:
    tariff = charged({"kind": "percent", "rate": "0.01"}, rounding=how)

    assert symbols(tariff, amount=amount).get("F", 0) == fee


FREE = {"kind": "free", "count": 2, "per": "day", "then": {"kind": "flat", "amount": "5"}}


@pytest.mark.parametrize(("used", "fee", "rests"), [(0, 0, 1), (1, 0, 1), (2, 500, 0), (9, 500, 0)])
def test_the_first_two_of_a_day_are_free(used: int, fee: int, rests: int) -> None:
    tariff = charged(FREE, tax="0.20")

    found = price(tariff, Ticket(amount=THOUSAND, used={"fee": used}))

    assert found.symbols.get("F", 0) == fee
    assert found.allowances == (Allowance(charge="fee", per="day", count=2),) * rests
    assert found.lines[0].amount == fee


def test_without_an_agent_nobody_earns() -> None:
    tariff = read(document(commission=COMMISSION))

    assert symbols(tariff) == symbols(tariff, earners=frozenset({"super-agent"})) == {}


def test_the_share_of_who_is_not_there_goes_to_the_one_named() -> None:
    tariff = read(document(commission=COMMISSION))

    assert symbols(tariff, earners=frozenset({"agent"})) == {"C1": 1000, "W1": 50}


def test_the_agent_takes_the_rest_where_the_one_named_is_not_there() -> None:
    split = [{"role": "agent", "share": "0.333333"}, {"role": "master-agent", "share": "0.666667"}]
    told = {"schedule": {"kind": "flat", "amount": "1"}, "split": split}
    tariff = read(document(commission=told | {"remainder": "master-agent"}))

    assert symbols(tariff, earners=TREE) == {"C1": 33, "C3": 67}
    assert symbols(tariff, earners=PAIR) == {"C1": 100}


@pytest.mark.case("G3")
def test_a_receiver_never_bears_more_than_arrives() -> None:
    tariff = charged({"kind": "flat", "amount": "10"}, "receiver", tax="0.20")

    assert price(tariff, Ticket(amount=1200)).symbols["M"] == 1000
    with pytest.raises(CannotPriceError) as refused:
        price(tariff, Ticket(amount=1199))
    assert refused.value.code == "fee_exceeds_amount"


def test_a_line_is_told_as_a_row_of_the_record() -> None:
    line = PriceLine(charge="fee", payer="sender", symbol="F", amount=2500, tax=500)

    assert line.row() == {
        "charge": "fee", "payer": "sender", "symbol": "F", "amount": 2500, "tax": 500,
    }  # fmt: skip


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_no_movement(amount: int) -> None:
    with pytest.raises(ValueError, match="moves something"):
        Ticket(amount=amount)


tickets = st.builds(
    Ticket,
    amount=st.one_of(st.integers(1, 600), st.integers(1, 10**12)),
    earners=st.sets(st.sampled_from(sorted(TREE))).map(frozenset),
    used=st.dictionaries(st.sampled_from(["fee-0", "fee-1", "fee-2"]), st.integers(0, 4)),
)


def priced(tariff: Tariff, ticket: Ticket) -> Priced:
    """The price, of tickets that have one."""
    borne = lines_of(tariff, ticket.amount, ticket.used)
    receiver = sum(line.amount + line.tax for line in borne if line.payer == "receiver")
    assume(receiver <= ticket.amount)
    return price(tariff, ticket)


def plainly(schedule: dict[str, Any], amount: int) -> Fraction:
    """The fee in minor units, as somebody would compute it who looks through the whole table."""

    def minor(name: str) -> Fraction:
        return Fraction(schedule[name]) * 100

    table = schedule.get("bands") or schedule.get("tiers") or []
    under = [band for band in table if Fraction(band["from"]) * 100 <= amount]
    match schedule["kind"]:
        case "flat":
            return minor("amount")
        case "banded_flat":
            return Fraction(under[-1]["amount"]) * 100
        case "tiered_marginal":
            ends = [Fraction(band["from"]) * 100 for band in under[1:]] + [Fraction(amount)]
            starts = [Fraction(band["from"]) * 100 for band in under]
            parts = zip(starts, ends, under, strict=True)
            return sum((Fraction(one["rate"]) * (end - start) for start, end, one in parts),
                       Fraction())  # fmt: skip
        case _:
            fee = Fraction(under[-1]["rate"] if under else schedule["rate"]) * amount
            fee = max(fee, minor("floor")) if "floor" in schedule else fee
            return min(fee, minor("cap")) if "cap" in schedule else fee


@given(paid(), st.one_of(st.integers(1, 600), st.integers(1, 10**15)))
def test_a_schedule_is_exact(schedule: dict[str, Any], amount: int) -> None:
    fee = charged(schedule).charges[0].schedule

    assert Fraction(parts_of(fee).exact(amount), 10**6) == plainly(schedule, amount)


@pytest.mark.case("G9")
@given(tariffs(), tickets)
def test_every_price_adds_up_and_nothing_is_negative(told: dict[str, Any], ticket: Ticket) -> None:
    tariff = read(told)
    found = priced(tariff, ticket)
    values = found.symbols

    assert all(value > 0 for value in values.values())
    assert values["A"] == ticket.amount
    for fee, tax in (("F", "X"), ("M", "XM"), ("S", "XS")):
        lines = [line for line in found.lines if line.symbol == fee]
        assert values.get(fee, 0) == sum(line.amount for line in lines)
        assert values.get(tax, 0) == sum(line.tax for line in lines)
    earned = [values.get(f"C{n}", 0) for n in (1, 2, 3)]
    withheld = [values.get(f"W{n}", 0) for n in (1, 2, 3)]
    assert all(low <= high for low, high in zip(withheld, earned, strict=True))
    terms = tariff.commission
    there = terms is not None and "agent" in ticket.earners
    whole = rounded(terms.schedule.exact(ticket.amount), tariff.rounding) if terms else 0
    assert sum(earned) == (whole if there else 0)
    absent = {"super-agent": 1, "master-agent": 2}
    assert all(earned[n] == 0 for role, n in absent.items() if role not in ticket.earners)


@given(tariffs(), tickets)
def test_the_same_ticket_has_the_same_price(told: dict[str, Any], ticket: Ticket) -> None:
    again = replace(ticket, used=dict(reversed(ticket.used.items())))

    assert priced(read(told), ticket) == priced(read(told), again)
