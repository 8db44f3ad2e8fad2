"""Short messages: whom a rule tells of what, and which settings it does not take."""

from typing import Any

import pytest

from mmo.bep.processor import MetadataError
from mmo.bep.processors.sms import Sms
from tests.mmo.bep.cases import FREEZE, NOW, OFFERS, TRANSFER, event, facts, party

RULE = Sms()
TOLD: dict[str, Any] = {"templates": {"en": "You got {{amount}}"}, "recipient": "payee"}
PARTIES = {"payer": "w-1", "payee": "w-2"}
KNOWN = facts(payer=party("w-1", "customer"), payee=party("w-2", "agent"))


def asked(metadata: dict[str, Any], minor: int = 1000, **about: Any) -> list[dict[str, Any]]:
    read = RULE.read({**TOLD, **metadata}, TRANSFER, OFFERS)
    found = RULE.reactions(event(minor=minor, parties=PARTIES, **about), KNOWN, read)
    return [dict(one.data) for one in found]


def test_a_message_names_the_wallet_and_figures_but_no_number() -> None:
    (data,) = asked({})

    assert data["wallet"] == "w-2"
    assert data["templates"] == {"en": "You got {{amount}}"}
    assert (data["amount_minor"], data["currency"]) == (1000, "KES")
    assert data["counterparty"] == "customer"
    assert data["at"] == NOW.isoformat()
    assert data["dedupe_key"] is None
    assert data["quiet_hours"] is None


FILTERS = [
    ({"minMinor": 1000}, 1000, True),
    ({"minMinor": 1001}, 1000, False),
    ({"maxMinor": 1000}, 1000, True),
    ({"maxMinor": 999}, 1000, False),
]


@pytest.mark.parametrize(("filters", "minor", "told"), FILTERS)
def test_only_amounts_that_are_meant_are_told(
    filters: dict[str, int], minor: int, told: bool
) -> None:
    assert bool(asked({"filters": filters}, minor)) is told


def test_who_does_not_take_part_is_told_nothing() -> None:
    read = RULE.read(TOLD, TRANSFER, OFFERS)

    assert RULE.reactions(event(parties={"payer": "w-1"}), KNOWN, read) == ()


WRONG = [
    ({"recipient": "agent"}, "/recipient"),
    ({"templates": {"de": "x"}}, "/templates/de"),
    ({"templates": {"en": "{{amont}}"}}, "did you mean amount"),
    ({"templates": {"en": "{{#amount}}x{{/amount}}"}}, "only plain variables"),
    ({"templates": {"en": "{{>other}}"}}, "only plain variables"),
    ({"templates": {"en": "{{{amount}}}"}}, "only plain variables"),
    ({"templates": {"en": "{{&amount}}"}}, "only plain variables"),
    ({"templates": {"en": "{{=<% %>=}}<%amount%>"}}, "only plain variables"),
    ({"templates": {"en": "{{amount"}}, "without their other half"),
    ({"templates": {}}, "/templates"),
    ({"quietHours": {"begin": "25:00", "end": "07:00"}}, "/quietHours/begin"),
    ({"dedupeKey": "{{nobody}}"}, "/dedupeKey"),
    ({"filters": {"products": [7]}}, "/filters/products/0"),
    ({"filters": {"minMinor": -1}}, "/filters/minMinor"),
    ({"unknown": 1}, "/unknown"),
]


@pytest.mark.case("J12")
@pytest.mark.parametrize(("metadata", "named"), WRONG)
def test_settings_that_cannot_work_are_named(metadata: dict[str, Any], named: str) -> None:
    with pytest.raises(MetadataError) as wrong:
        RULE.read({**TOLD, **metadata}, TRANSFER, OFFERS)

    assert named in str(wrong.value)


def test_an_event_without_an_amount_has_none_to_tell() -> None:
    with pytest.raises(MetadataError, match="carries no amount"):
        RULE.read({**TOLD, "recipient": "wallet"}, FREEZE, OFFERS)


def test_a_form_can_offer_roles_and_variables() -> None:
    offered = RULE.options(OFFERS)

    assert "amount" in offered["templates"]["variables"]
    assert {"payer", "payee", "wallet"} <= set(offered["recipient"])
