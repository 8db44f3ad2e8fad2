"""A tariff that makes no sense is refused, with the place and a sentence."""

import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.dated.documents import WrongDocumentError
from mmo.pricing.price import Ticket, lines_of, price
from mmo.pricing.schedule import BANDS_MAX
from mmo.pricing.tariff import SYMBOLS, read
from tests.mmo.pricing.documents import COMMISSION, FLAT_FEE, charged, decimal, document, tariffs

WHOLE = document(
    rounding="half_up", charges=[FLAT_FEE], levy={"rate": "0.01"}, commission=COMMISSION
)
SCHEDULE = "/charges/0/schedule"
BANDS = f"{SCHEDULE}/bands"


def banded(*bands: dict[str, str]) -> dict[str, Any]:
    return {"kind": "banded_flat", "bands": list(bands)}


WRONG: dict[str, tuple[str, Any, str, str]] = {
    "no currency": ("/currency", None, "/currency", "ISO 4217"),
    "an unknown currency": ("/currency", "KSH", "/currency", "ISO 4217"),
    "a currency that is no text": ("/currency", ["KES"], "/currency", "ISO 4217"),
    "an unknown rounding": ("/rounding", "nearest", "/rounding", "half_even"),
    "a member nobody knows": ("/discount", "0.1", "", "nobody knows"),
    "a member nobody knows, deep": (f"{SCHEDULE}/rate", "0.1", SCHEDULE, "nobody knows"),
    "an unknown schedule": (f"{SCHEDULE}/kind", "banded", SCHEDULE, "did you mean banded_flat?"),
    "no kind": (SCHEDULE, {"amount": "1"}, SCHEDULE, "kind"),
    "a schedule that is none": (SCHEDULE, "free", SCHEDULE, ""),
    "a negative fee": (f"{SCHEDULE}/amount", "-1.00", f"{SCHEDULE}/amount", "plain decimal"),
    "a fee as a number": (f"{SCHEDULE}/amount", 25, f"{SCHEDULE}/amount", "as text"),
    "a fee with too many digits": (
        f"{SCHEDULE}/amount", "1.005", f"{SCHEDULE}/amount", "KES has 2 decimal digits",
    ),
    "a fee too large": (f"{SCHEDULE}/amount", "9" * 15, f"{SCHEDULE}/amount", "too large"),
    "a rate above one": ("/levy/rate", "20", "/levy/rate", '"0.20" is 20 %'),
    "a rate just above one": ("/levy/rate", "1.000001", "/levy/rate", "part of one"),
    "a rate of seven decimals": ("/levy/rate", "0.0000001", "/levy/rate", "6 decimals"),
    "a negative rate": ("/levy/rate", "-0.1", "/levy/rate", "part of one"),
    "a rate as a number": ("/charges/0/tax", 1, "/charges/0/tax", "as text"),
    "a rate in other digits": ("/levy/rate", "0.\u0661", "/levy/rate", "part of one"),
    "a cap below the floor": (
        "/levy", {"rate": "0.1", "floor": "2", "cap": "1"}, "/levy/cap", "lower than the floor",
    ),
    "bands that begin above 0": (
        SCHEDULE, banded({"from": "50", "amount": "1"}), f"{BANDS}/0/from", "begins at 0",
    ),
    "a band twice": (
        SCHEDULE, banded({"from": "0", "amount": "1"}, {"from": "0.00", "amount": "2"}),
        f"{BANDS}/1/from", "above the one before",
    ),
    "bands out of order": (
        SCHEDULE,
        banded({"from": "0", "amount": "1"}, {"from": "9", "amount": "2"},
               {"from": "5", "amount": "2"}),
        f"{BANDS}/2/from", "above the one before",
    ),
    "no bands": (SCHEDULE, banded(), BANDS, "at least 1"),
    "free for ever": (
        SCHEDULE, {"kind": "free", "count": 1, "per": "day", "then": {"kind": "free"}},
        f"{SCHEDULE}/then", "there is no kind free",
    ),
    "free no times": (
        SCHEDULE, {"kind": "free", "count": 0, "per": "day", "then": FLAT_FEE["schedule"]},
        f"{SCHEDULE}/count", "greater than or equal to 1",
    ),
    "two charges of one name": (
        "/charges", [FLAT_FEE, FLAT_FEE], "/charges/1/name", "has that name",
    ),
    "a name that is none": ("/charges/0/name", "Fee!", "/charges/0/name", "pattern"),
    "shared without a share": (
        "/charges/0/payer", "shared", "/charges/0/sender_share", "say the sender's share",
    ),
    "a share of what is not shared": (
        "/charges/0/sender_share", "0.5", "/charges/0/sender_share", "only a shared fee",
    ),
    "shares that miss a part": (
        "/commission/split/0/share", "0.7", "/commission/split", "add up to 1",
    ),
    "shares of more than all": (
        "/commission/split/0/share", "0.9", "/commission/split", "add up to 1",
    ),
    "a share above one": (
        "/commission/split/0/share", "1.1", "/commission/split/0/share", "part of one",
    ),
    "a role twice": ("/commission/split/1/role", "agent", "/commission/split", "one share"),
    "a role nobody has": (
        "/commission/split/0/role", "agnet", "/commission/split/0/role", "did you mean agent?",
    ),
    "a role that is no text": (
        "/commission/split/0/role", {}, "/commission/split/0/role", "there is no role",
    ),
    "a remainder to nobody": (
        "/commission/remainder", "master-agent", "/commission/remainder", "roles that earn",
    ),
    "two charges that are free at first": (
        "/charges",
        [{"name": name, "payer": "sender", "schedule": {
            "kind": "free", "count": 1, "per": "day", "then": {"kind": "flat", "amount": "1"}}}
         for name in ("one", "two")],
        "/charges/1/schedule", "one charge may be free",
    ),
    "a free commission": (
        "/commission/schedule",
        {"kind": "free", "count": 1, "per": "day", "then": {"kind": "flat", "amount": "1"}},
        "/commission/schedule", "there is no kind free",
    ),
}  # fmt: skip


def with_(pointer: str, value: Any) -> dict[str, Any]:
    """The whole tariff with something else at a place."""
    changed = deepcopy(WHOLE)
    here: Any = changed
    *path, last = pointer.split("/")[1:]
    for part in path:
        here = here[int(part)] if isinstance(here, list) else here[part]
    here[int(last) if isinstance(here, list) else last] = value
    return changed


@pytest.mark.case("G12")
@pytest.mark.parametrize("what", WRONG)
def test_nonsense_is_refused_with_its_place_and_a_sentence(what: str) -> None:
    pointer, value, told_at, sentence = WRONG[what]

    with pytest.raises(WrongDocumentError) as refused:
        read(with_(pointer, value))

    assert refused.value.errors[0][0] == told_at
    assert sentence in refused.value.errors[0][1]


@pytest.mark.parametrize("written", [None, [], "tariff", 7])
def test_what_is_no_object_is_no_tariff(written: Any) -> None:
    with pytest.raises(WrongDocumentError):
        read(written)


def test_an_empty_tariff_costs_nothing() -> None:
    assert price(read(document()), Ticket(amount=5)).symbols == {"A": 5}


def test_the_whole_tariff_is_read_as_it_stands() -> None:
    tariff = read(WHOLE)

    assert tariff.symbols == {"F", "X", "T", "C1", "C2", "W1", "W2"}
    assert tariff.levy is not None
    assert tariff.levy.rate == 10_000


def test_amounts_are_in_the_digits_of_the_currency() -> None:
    fee = {"name": "fee", "payer": "sender", "schedule": {"kind": "flat", "amount": "25"}}
    ugx, bhd = (read({"currency": code, "charges": [fee]}) for code in ("UGX", "BHD"))

    assert price(ugx, Ticket(amount=1000)).symbols["F"] == 25
    assert price(bhd, Ticket(amount=1000)).symbols["F"] == 25_000


def many(number: int) -> dict[str, Any]:
    return banded(*({"from": decimal(n * 10), "amount": decimal(n)} for n in range(number)))


def test_ten_thousand_bands_are_taken_and_one_more_is_not() -> None:
    tariff = charged(many(BANDS_MAX))

    began = time.process_time()
    for amount in range(1, 10 * BANDS_MAX, 997):
        assert price(tariff, Ticket(amount=amount)).symbols.get("F", 0) == amount // 10
    assert time.process_time() - began < 2
    with pytest.raises(WrongDocumentError, match="10000"):
        charged(many(BANDS_MAX + 1))


@given(tariffs(), st.integers(1, 100_000))
def test_whatever_is_read_says_which_symbols_it_may_charge(
    told: dict[str, Any], amount: int
) -> None:
    tariff = read(told)
    lines = list(lines_of(tariff, amount, {}))
    taxes = {SYMBOLS[line.payer][1] for line in lines if line.tax}

    assert {line.symbol for line in lines} | taxes <= tariff.symbols
