"""Notifications: which role a rule tells, of which office, and never who caused it."""

from dataclasses import replace
from typing import Any

import pytest

from mmo.bep.event import EventActor
from mmo.bep.processor import MetadataError
from mmo.bep.processors.notification import Notification
from tests.mmo.bep.cases import OFFERS, TRANSFER, event, facts

RULE = Notification()
TOLD: dict[str, Any] = {"topic": "transfers", "role": "supervisor", "text": "{{amount}} moved"}
AMINA = EventActor(subject="amina", client="console", attributes={"office": "ke/nairobi"})


def asked(actor: EventActor = AMINA, **metadata: Any) -> list[dict[str, Any]]:
    read = RULE.read({**TOLD, **metadata}, TRANSFER, OFFERS)
    return [dict(one.data) for one in RULE.reactions(replace(event(), actor=actor), facts(), read)]


def test_a_role_is_told_but_not_who_caused_it() -> None:
    (data,) = asked(office="ke")

    assert (data["role"], data["office"], data["but"]) == ("supervisor", "ke", "amina")
    assert data["text"] == "{{amount}} moved"
    assert data["about"]["event"] == "wallet.transfer"


def test_the_office_can_be_that_of_the_actor() -> None:
    nobody = EventActor(subject="system", client="x")

    assert asked(ownOffice=True)[0]["office"] == "ke/nairobi"
    assert asked(nobody, ownOffice=True) == []


WRONG = [
    ({"role": "supervisr"}, "did you mean supervisor"),
    ({"office": "ke", "ownOffice": True}, "/ownOffice"),
    ({"office": "KE Nairobi"}, "/office"),
    ({"text": "{{amont}}"}, "/text"),
]


@pytest.mark.parametrize(("metadata", "named"), WRONG)
def test_settings_that_cannot_work_are_named(metadata: dict[str, Any], named: str) -> None:
    with pytest.raises(MetadataError) as wrong:
        RULE.read({**TOLD, **metadata}, TRANSFER, OFFERS)

    assert named in str(wrong.value)
