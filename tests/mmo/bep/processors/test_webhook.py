"""Webhooks: what a rule tells an endpoint."""

from typing import Any

import pytest

from mmo.bep.processor import MetadataError
from mmo.bep.processors.webhook import Webhook
from tests.mmo.bep.cases import NOW, OFFERS, TRANSFER, event, facts

RULE = Webhook()
ENDPOINT = "0192f0aa-0000-7000-8000-000000000001"


def payload(**fields: Any) -> dict[str, Any]:
    read = RULE.read({"endpoint": ENDPOINT, **fields}, TRANSFER, OFFERS)
    (asked,) = RULE.reactions(event(parties={"payer": "w-1"}), facts(), read)
    assert asked.data["endpoint"] == ENDPOINT
    return dict(asked.data["payload"])


def test_an_endpoint_is_told_what_the_rule_says_and_no_more() -> None:
    always = {"type": "wallet.transfer", "id": "m-1", "timestamp": NOW.isoformat()}

    assert payload(fields=[]) == always
    assert payload() == always | {
        "amount": {"value": "10.00", "currency": "KES"}, "parties": {"payer": "w-1"},
    }  # fmt: skip
    assert payload(fields=["actor", "product", "data"]) == always | {
        "actor": {"subject": "amina", "client": "console"}, "product": None, "data": {},
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [{"endpoint": "x"}, {"fields": ["everything"]}, {"url": "x"}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MetadataError):
        RULE.read({"endpoint": ENDPOINT, **wrong}, TRANSFER, OFFERS)
