"""Data tables: the event waits until they are filled in, and all that is missing is told."""

from dataclasses import replace
from typing import Any

import pytest

from mmo.bep.facts import Need
from mmo.bep.processor import MetadataError
from mmo.bep.processors.data_tables import DataTables
from mmo.bep.verdict import Allow, Refuse
from tests.mmo.bep.cases import FREEZE, LOAN, OFFERS, TRANSFER, event, facts, party

RULE = DataTables()
CHECKED = ["verified", "=", True]
BOTH = {"tables": [{"table": "kyc_check", "where": [CHECKED]}, {"table": "site_visit"}]}
KYC = Need("table", "wallet", name="kyc_check", where=[CHECKED])
VISIT = Need("table", "wallet", name="site_visit", where=[])


@pytest.mark.parametrize(
    ("kyc", "visit", "missing"),
    [
        (1, 1, []),
        (0, 1, ["kyc_check"]),
        (5, 0, ["site_visit"]),
        (0, None, ["kyc_check", "site_visit"]),
    ],
)
def test_all_tables_that_lack_rows_are_told_at_once(
    kyc: int, visit: int | None, missing: list[str]
) -> None:
    metadata = RULE.read(BOTH, FREEZE, OFFERS)
    known = facts({KYC.key: kyc, VISIT.key: visit}, wallet=party("w-1"))

    verdict = RULE.decide(event(FREEZE, None), known, metadata)

    if not missing:
        assert verdict == Allow()
        return
    assert isinstance(verdict, Refuse)
    assert verdict.code == "tables_incomplete"
    assert [one["table"] for one in verdict.details["missing"]] == missing
    assert verdict.details["missing"][0]["wallet"] == "w-1"
    assert all(name in verdict.reason for name in missing)


def test_as_many_rows_as_the_rule_says_are_wanted() -> None:
    metadata = RULE.read({"tables": [{"table": "site_visit", "minRows": 2}]}, FREEZE, OFFERS)
    asked = event(FREEZE, None)

    assert isinstance(RULE.decide(asked, facts({VISIT.key: 1}), metadata), Refuse)
    assert RULE.decide(asked, facts({VISIT.key: 2}), metadata) == Allow()


@pytest.mark.parametrize(
    ("side", "parties"),
    [("payer", ["payer"]), ("payee", ["payee"]), ("any", ["payee", "payer"])],
)
def test_rows_are_counted_for_the_side_that_the_rule_says(side: str, parties: list[str]) -> None:
    metadata = RULE.read({"tables": [{"table": "site_visit"}], "side": side}, TRANSFER, OFFERS)

    assert [need.party for need in RULE.needs(metadata, TRANSFER)] == parties


def where(*predicate: Any) -> dict[str, Any]:
    return {"tables": [{"table": "kyc_check", "where": [list(predicate)]}]}


WRONG = [
    ({"tables": []}, "/tables", "at least 1"),
    ({"tables": [{"table": "kyc_chek"}]}, "/tables/0/table", "did you mean kyc_check?"),
    ({"tables": [{"table": "kyc_check", "minRows": 0}]}, "/tables/0/minRows", "greater"),
    (where("", "=", 1), "/tables/0/where/0", "name a field"),
    (where("a..b", "=", 1), "/tables/0/where/0", "name a field"),
    (where("a", "in", 1), "/tables/0/where/0", "a list"),
    (where("a", "exists", 1), "/tables/0/where/0", "true or false"),
    (where("a", "<", True), "/tables/0/where/0", "numbers or texts"),
    (where("a", "=", [1]), "/tables/0/where/0", "use in"),
    (where("a", "like", "b"), "/tables/0/where/0/1", "'='"),
]


@pytest.mark.parametrize(("written", "pointer", "what"), WRONG)
def test_conditions_that_mean_nothing_are_turned_away(
    written: Any, pointer: str, what: str
) -> None:
    with pytest.raises(MetadataError) as told:
        RULE.read(written, FREEZE, OFFERS)

    found, message = told.value.errors[0]
    assert found == pointer
    assert what in message


@pytest.mark.parametrize(
    "predicate",
    [("a", "in", [1, "b", None]), ("a", "exists", False), ("a.b", ">=", 1), ("a", "<", "b")],
)
def test_what_is_stored_reads_back_as_it_was(predicate: tuple[Any, ...]) -> None:
    metadata = RULE.read(where(*predicate), LOAN["loan.approve"], OFFERS)
    stored = metadata.model_dump(mode="json")

    assert stored["tables"][0]["where"] == [list(predicate)]
    assert RULE.stored(stored) == metadata


def test_a_field_that_rows_do_not_have_is_refused_with_the_nearest() -> None:
    offers = replace(OFFERS, fields={"kyc_check": ("verified", "address")})
    written = {"tables": [{"table": "kyc_check", "where": [["verifid", "=", True]]}]}

    with pytest.raises(MetadataError, match=r"no field verifid; did you mean verified\?"):
        RULE.read(written, FREEZE, offers)
    written["tables"][0]["where"] = [["address.city", "=", "Nairobi"]]
    assert RULE.read(written, FREEZE, offers)


def test_a_member_of_a_part_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(MetadataError, match=r"/tables/0/minRow: .* did you mean minRows\?"):
        RULE.read({"tables": [{"table": "kyc_check", "minRow": 2}]}, FREEZE, OFFERS)
