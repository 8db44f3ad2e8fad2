"""Data-driven authorisation: each amount is in exactly one band, whose roles it needs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.bep.processor import MetadataError, Offers
from mmo.bep.processors.data_driven_authorisation import (
    ROLES,
    AuthorisationBands,
    DataDrivenAuthorisation,
)
from mmo.bep.verdict import Allow, Ask, Refuse, RequireApproval, Verdict
from tests.mmo.bep.cases import FREEZE, LOAN, OFFERS, event, facts

RULE = DataDrivenAuthorisation()
APPROVE = LOAN["loan.approve"]
CODE = "invalid_authorisation_for_given_data"
ORIGINAL = [
    {"fromAmount": 10000, "toAmount": 1000000, "roleId": 10},
    {"fromAmount": 1000001, "toAmount": 1000000000, "roleId": 20},
]
CORRECTED = [{**ORIGINAL[0], "toAmount": "1000000.99"}, ORIGINAL[1]]


def verdict_on(
    metadata: AuthorisationBands, minor: int, *roles: str, now: Any = None, currency: str = "KES"
) -> Verdict:
    asked = event(APPROVE, minor, currency=currency, roles=frozenset(roles))
    return RULE.decide(asked, facts({ROLES.key: now}), metadata)


def told_of(written: Any, offers: Offers = OFFERS) -> list[tuple[str, str]]:
    with pytest.raises(MetadataError) as error:
        RULE.read(written, APPROVE, offers)
    return list(error.value.errors)


def test_the_original_document_leaves_cents_uncovered_and_is_told_so() -> None:
    ((pointer, what),) = told_of(ORIGINAL)

    assert pointer == "/1/fromAmount"
    assert "nothing covers amounts from 1000000.01 to 1000000.99 KES" in what
    assert "write toAmount 1000000.99" in what
    assert "wholeUnits: true" in what


AMOUNTS = [
    ("9999.99", 999_999, None),
    ("10000", 1_000_000, "supervisor"),
    ("1000000", 100_000_000, "supervisor"),
    ("1000000.50", 100_000_050, "supervisor"),
    ("1000001", 100_000_100, "manager"),
    ("10^9", 100_000_000_000, "manager"),
    ("10^9 + 1", 100_000_000_100, "nobody"),
]


@pytest.mark.parametrize(("minor", "needed"), [a[1:] for a in AMOUNTS], ids=[a[0] for a in AMOUNTS])
def test_the_corrected_document_finds_the_role_of_each_amount(
    minor: int, needed: str | None
) -> None:
    metadata = RULE.read(CORRECTED, APPROVE, OFFERS)

    for role in ("supervisor", "manager"):
        verdict = verdict_on(metadata, minor, role)
        assert isinstance(verdict, Allow) is (needed in (None, role))
    nobody = verdict_on(metadata, minor)
    assert isinstance(nobody, Allow if needed is None else Refuse)


@pytest.mark.parametrize("minor", [minor for _, minor, _ in AMOUNTS])
def test_who_holds_both_roles_may_do_all_but_the_highest(minor: int) -> None:
    verdict = verdict_on(
        RULE.read(CORRECTED, APPROVE, OFFERS), minor, "supervisor", "manager", "teller"
    )

    assert isinstance(verdict, Refuse) is (minor > 100_000_000_000)


def test_whole_units_close_the_hole_and_refuse_cents() -> None:
    metadata = RULE.read({"ranges": ORIGINAL, "wholeUnits": True}, APPROVE, OFFERS)

    assert verdict_on(metadata, 100_000_000, "supervisor") == Allow()
    refused = verdict_on(metadata, 100_000_050, "supervisor", "manager")
    assert isinstance(refused, Refuse)
    assert "whole amounts" in refused.reason


def test_a_currency_without_decimals_takes_the_original_document() -> None:
    offers = Offers(roles=OFFERS.roles, currencies=("JPY",), digits={"JPY": 0})
    metadata = RULE.read(ORIGINAL, APPROVE, offers)

    assert verdict_on(metadata, 1_000_000, "supervisor", currency="JPY") == Allow()
    assert verdict_on(metadata, 1_000_001, "manager", currency="JPY") == Allow()


def test_both_spellings_are_stored_alike() -> None:
    stored = RULE.read(CORRECTED, APPROVE, OFFERS).model_dump(mode="json")

    assert RULE.read({"ranges": CORRECTED}, APPROVE, OFFERS).model_dump(mode="json") == stored
    assert RULE.read(stored, APPROVE, OFFERS) == RULE.stored(stored)
    assert stored["bands"][1] == {
        "fromMinor": 100_000_100,
        "toMinor": 100_000_000_001,
        "roles": ["manager"],
        "people": 1,
    }


def bands(*ends: tuple[int, int | None], role: str = "manager", **more: Any) -> dict[str, Any]:
    rows = [{"fromMinor": start, "toMinor": end, "roles": [role]} for start, end in ends]
    return {"currency": "KES", "bands": rows, **more}


def ranges(*rows: tuple[Any, Any, Any]) -> list[dict[str, Any]]:
    return [{"fromAmount": a, "toAmount": b, "roleId": role} for a, b, role in rows]


WRONG = [
    ("gap", bands((0, 100), (200, None)), "/bands/1/fromMinor", "from 1.00 to 1.99 KES"),
    ("overlap", bands((0, 101), (100, None)), "/bands/1/fromMinor", "two bands cover 1.00"),
    ("open inside", bands((0, None), (100, None)), "/bands/1/fromMinor", "two bands"),
    ("reversed", bands((100, 50), (50, None)), "/bands/0/toMinor", "before it begins"),
    ("equal bounds", bands((0, 0)), "/bands/0/toMinor", "before it begins"),
    ("no beginning", bands((1, None)), "/bands/0/fromMinor", "start at 0"),
    ("no end", bands((0, 100)), "/bands/0/toMinor", "write null"),
    ("none", bands(), "/bands", "one at least"),
    ("negative", bands((-1, None)), "/bands/0/fromMinor", "greater than or equal to 0"),
    ("role", bands((0, None), role="manger"), "/bands/0", "did you mean manager?"),
    ("currency", bands((0, None)) | {"currency": "KSH"}, "/currency", "did you mean KES?"),
    ("empty list", [], "", "one at least"),
    ("range overlap", ranges((0, 10, 10), (10, 20, 20)), "/1/fromAmount", "two bands cover 10.00"),
    ("range reversed", ranges((10, 5, 10)), "/0/toAmount", "reversed"),
    ("range negative", ranges((-1, 5, 10)), "/0/fromAmount", "not negative"),
    ("range words", ranges(("much", 5, 10)), "/0/fromAmount", "plain decimal digits"),
    ("range truth", ranges((True, 5, 10)), "/0/fromAmount", "whole number"),
    ("range digits", ranges(("0.001", 5, 10)), "/0/fromAmount", "2 decimal digits"),
    ("range role", ranges((0, 5, 11)), "/0", "there is no role 11; did you mean 10?"),
    ("range without role", [{"fromAmount": 0, "toAmount": 5}], "/0", "there is no role"),
    ("range with more", [{**ORIGINAL[0], "colour": 1}], "/0/colour", "no such field"),
    ("words", "all of it", "", "write bands"),
]


@pytest.mark.parametrize(
    ("written", "pointer", "what"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_bands_that_leave_a_doubt_are_turned_away(written: Any, pointer: str, what: str) -> None:
    found, message = told_of(written)[0]

    assert found == pointer
    assert what in message


def test_a_range_may_cover_a_single_amount() -> None:
    metadata = RULE.read(ranges((5, 5, 10)), APPROVE, OFFERS)

    assert verdict_on(metadata, 500, "supervisor") == Allow()
    assert isinstance(verdict_on(metadata, 501, "supervisor"), Refuse)


def test_ranges_may_stand_in_any_order_and_the_last_may_be_open() -> None:
    metadata = RULE.read(ranges(("10.01", None, "20"), (0, 10, "supervisor")), APPROVE, OFFERS)

    assert [band.roles for band in metadata.bands] == [("supervisor",), ("manager",)]
    assert verdict_on(metadata, 10**15, "manager") == Allow()


def test_an_event_without_an_amount_takes_no_bands() -> None:
    assert not RULE.fits(FREEZE)
    with pytest.raises(MetadataError, match="carries no amount"):
        RULE.read(CORRECTED, FREEZE, OFFERS)


def test_neighbours_that_need_the_same_people_become_one_band() -> None:
    metadata = RULE.read(bands((0, 10), (10, 20), (20, None)), APPROVE, OFFERS)

    assert [(band.from_minor, band.to_minor) for band in metadata.bands] == [(0, None)]


def test_a_role_that_was_taken_away_meanwhile_does_not_count() -> None:
    metadata = RULE.read(bands((0, None)), APPROVE, OFFERS)

    assert verdict_on(metadata, 5, "manager", now=["manager"]) == Allow()
    assert isinstance(verdict_on(metadata, 5, "manager", now=["teller"]), Refuse)


def test_another_currency_is_refused_by_name() -> None:
    verdict = verdict_on(RULE.read(bands((0, None)), APPROVE, OFFERS), 5, "manager", currency="USD")

    assert isinstance(verdict, Refuse)
    assert verdict.code == CODE
    assert verdict.reason == "the rule is for KES only"


ASKED = RequireApproval((Ask(roles=("manager",)),), "KES 0.05 needs manager")
SUBJECTS = [
    ("maker", "refuse", True, Allow),
    ("maker", "refuse", False, Refuse),
    ("maker", "ask", True, Allow),
    ("maker", "ask", False, RequireApproval),
    ("approver", "refuse", True, RequireApproval),
    ("approver", "refuse", False, RequireApproval),
    ("both", "ask", True, RequireApproval),
    ("both", "ask", False, Refuse),
]


@pytest.mark.parametrize(("subject", "otherwise", "held", "answer"), SUBJECTS)
def test_the_role_is_needed_of_whom_the_rule_says(
    subject: str, otherwise: str, held: bool, answer: type
) -> None:
    written = bands((0, None), subject=subject, otherwise=otherwise)
    verdict = verdict_on(RULE.read(written, APPROVE, OFFERS), 5, *(["manager"] if held else []))

    assert isinstance(verdict, answer)
    if answer is RequireApproval:
        assert verdict == ASKED
    if isinstance(verdict, Refuse):
        assert verdict.code == CODE
        assert verdict.details["roles"] == ["manager"]


def test_an_ask_carries_people_and_times() -> None:
    written = bands((0, None), subject="approver", expiresSeconds=600, remindSeconds=60)
    written |= {"escalateSeconds": 120, "escalateTo": [30]}
    written["bands"][0] |= {"people": 2, "roles": [10, "manager"]}

    verdict = verdict_on(RULE.read(written, APPROVE, OFFERS), 5)

    assert isinstance(verdict, RequireApproval)
    ask = verdict.asks[0]
    assert (ask.roles, ask.people) == (("manager", "supervisor"), 2)
    assert (ask.expires_s, ask.remind_s, ask.escalate_s) == (600, 60, 120)
    assert ask.escalate_to == ("risk",)


class Compared(int):
    """A number that counts how often it is compared."""

    times = 0

    def __lt__(self, other: object) -> bool:
        Compared.times += 1
        return int(self) < other  # type: ignore[operator]

    __hash__ = int.__hash__


def test_one_of_ten_thousand_bands_is_found_in_fourteen_comparisons() -> None:
    turns = ("manager", "supervisor")
    rows = [
        {"fromMinor": n, "toMinor": n + 1 if n < 9999 else None, "roles": [turns[n % 2]]}
        for n in range(10_000)
    ]
    metadata = RULE.read({"currency": "KES", "bands": rows}, APPROVE, OFFERS)
    Compared.times = 0

    assert len(metadata.bands) == 10_000
    band = metadata.band_of(Compared(7331))
    assert band is not None
    assert band.from_minor == 7331
    assert Compared.times <= 16


@given(
    ends=st.lists(st.integers(1, 10**15), min_size=1, max_size=20, unique=True),
    minor=st.integers(0, 10**15),
)
def test_every_amount_is_in_exactly_one_band(ends: list[int], minor: int) -> None:
    turns = ("manager", "supervisor")
    edges = [0, *sorted(ends)]
    rows = [
        {"fromMinor": start, "toMinor": end, "roles": [turns[n % 2]]}
        for n, (start, end) in enumerate(zip(edges, [*edges[1:], None], strict=True))
    ]
    metadata = RULE.read({"currency": "KES", "bands": rows}, APPROVE, OFFERS)

    holding = [band for band in metadata.bands if band.holds(minor)]

    assert holding == [metadata.band_of(minor)]
    assert not any(band.holds(edge) and band.to_minor == edge for band in holding for edge in edges)


@given(middle=st.integers(2, 10**12), minor=st.integers(0, 10**12 + 1), hole=st.integers(0, 1))
def test_a_hole_of_one_cent_is_found(middle: int, minor: int, hole: int) -> None:
    written = bands((0, middle - hole), (middle, None))

    if hole:
        assert told_of(written)[0][0] == "/bands/1/fromMinor"
    else:
        assert RULE.read(written, APPROVE, OFFERS).band_of(minor) is not None
