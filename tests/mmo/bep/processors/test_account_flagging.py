"""Account flagging: whoever carries one of the flags may not take part, while it holds."""

from datetime import timedelta
from typing import Any

import pytest

from mmo.bep.facts import Flag
from mmo.bep.processor import MetadataError
from mmo.bep.processors.account_flagging import AccountFlagging
from mmo.bep.verdict import Allow, Refuse
from tests.mmo.bep.cases import FREEZE, LOAN, NOW, OFFERS, TRANSFER, event, facts, party

WAIVE = LOAN["loan.waive-interest"]
RULE = AccountFlagging()
HOUR = timedelta(hours=1)


def loan_flags(*codes: str) -> tuple[Flag, ...]:
    return tuple(Flag(list="loan-account-flags", code=code, since=NOW - HOUR) for code in codes)


@pytest.mark.parametrize(
    ("carried", "refused"),
    [(("XYZ",), ["XYZ"]), (("DEF",), []), ((), []), (("XYZ", "DEF"), ["XYZ"])],
)
def test_a_loan_is_refused_what_one_of_its_flags_forbids(
    carried: tuple[str, ...], refused: list[str]
) -> None:
    metadata = RULE.read({"blockedForFlags": ["XYZ", "ABC"]}, WAIVE, OFFERS)
    known = facts(loan=party("loan-1", "loan", *loan_flags(*carried)))

    verdict = RULE.decide(event(WAIVE), known, metadata)

    if not refused:
        assert verdict == Allow()
        return
    assert isinstance(verdict, Refuse)
    assert verdict.code == "invalid_action_for_flagged_account"
    told = {"wallet": "loan-1", "event": "loan.waive-interest", "flags": refused}
    assert verdict.details == told


def suspect(since: timedelta = -HOUR, until: timedelta | None = None) -> Flag:
    ends = None if until is None else NOW + until
    return Flag(list="wallet-flags", code="SUSPECT", since=NOW + since, until=ends)


TIMES = [
    ("since an hour", suspect(), True),
    ("from now on", suspect(timedelta(0)), True),
    ("not yet", suspect(HOUR), False),
    ("until now", suspect(-HOUR, timedelta(0)), False),
    ("for another hour", suspect(-HOUR, HOUR), True),
]


@pytest.mark.parametrize(("flag", "counts"), [t[1:] for t in TIMES], ids=[t[0] for t in TIMES])
def test_a_flag_counts_only_while_it_holds(flag: Flag, counts: bool) -> None:
    metadata = RULE.read({"blockedForFlags": ["SUSPECT"]}, TRANSFER, OFFERS)

    verdict = RULE.decide(event(), facts(payer=party("a", "customer", flag)), metadata)

    assert isinstance(verdict, Refuse) is counts


@pytest.mark.parametrize(
    ("side", "flagged", "refused"),
    [
        ("payer", "payer", True),
        ("payer", "payee", False),
        ("payee", "payee", True),
        ("payee", "payer", False),
        ("any", "payer", True),
        ("any", "payee", True),
    ],
)
def test_only_the_configured_side_is_looked_at(side: str, flagged: str, refused: bool) -> None:
    metadata = RULE.read({"blockedForFlags": ["SUSPECT"], "side": side}, TRANSFER, OFFERS)
    people = {role: party(role) for role in ("payer", "payee")}
    people[flagged] = party(flagged, "customer", suspect())

    verdict = RULE.decide(event(), facts(**people), metadata)

    assert isinstance(verdict, Refuse) is refused


def test_in_a_command_that_moves_nothing_the_side_says_nothing() -> None:
    metadata = RULE.read({"blockedForFlags": ["SUSPECT"], "side": "payer"}, FREEZE, OFFERS)
    known = facts(wallet=party("a", "customer", suspect()))

    assert isinstance(RULE.decide(event(FREEZE, None), known, metadata), Refuse)


def test_a_flag_of_another_list_with_the_same_code_does_not_count() -> None:
    metadata = RULE.read({"blockedForFlags": ["XYZ"]}, WAIVE, OFFERS)
    other = Flag(list="wallet-flags", code="XYZ", since=NOW - HOUR)

    assert RULE.decide(event(WAIVE), facts(loan=party("l", "loan", other)), metadata) == Allow()


WRONG = [
    (WAIVE, {"blockedForFlags": []}, "/blockedForFlags", "at least 1"),
    (WAIVE, {"blockedForFlags": ["XYZ", "XYZ"]}, "/blockedForFlags/1", "named twice"),
    (WAIVE, {"blockedForFlags": ["XYY"]}, "/blockedForFlags/0", "did you mean XYZ?"),
    (WAIVE, {"blockedForFlags": ["SUSPECT"]}, "/blockedForFlags/0", "loan-account-flags"),
    (
        LOAN["savings.withdraw"],
        {"blockedForFlags": ["XYZ"]},
        "/blockedForFlags/0",
        "XYZ is not in savings-account-flags",
    ),
    (WAIVE, {"blockedForFlags": ["XYZ"], "flags": 1}, "/flags", "did you mean blockedForFlags?"),
    (WAIVE, {"blockedForFlags": ["XYZ"], "side": "left"}, "/side", "'payer'"),
    (WAIVE, ["XYZ"], "", "an object is expected"),
]


@pytest.mark.parametrize(("kind", "written", "pointer", "what"), WRONG)
def test_settings_that_name_no_flag_of_the_entity_are_turned_away(
    kind: Any, written: Any, pointer: str, what: str
) -> None:
    with pytest.raises(MetadataError) as told:
        RULE.read(written, kind, OFFERS)

    ((found, message),) = told.value.errors
    assert found == pointer
    assert what in message


def test_what_is_stored_reads_back_as_it_was() -> None:
    metadata = RULE.read({"blockedForFlags": ["XYZ"], "side": "payee"}, WAIVE, OFFERS)
    stored = metadata.model_dump(mode="json")

    assert stored == {"blockedForFlags": ["XYZ"], "side": "payee"}
    assert RULE.stored(stored) == metadata


def test_a_form_offers_the_active_flags_of_each_list() -> None:
    offered = RULE.options(OFFERS)["blockedForFlags"]

    assert offered["wallet-flags"] == ["SUSPECT"]
    assert offered["loan-account-flags"] == ["ABC", "DEF", "XYZ"]
