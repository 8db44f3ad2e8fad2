"""Tasks: what a rule opens, and what waits until it is done."""

from typing import Any

import pytest

from mmo.bep.event import Phase
from mmo.bep.processor import MetadataError
from mmo.bep.processors.task import OPEN, Task
from mmo.bep.registry import processors
from mmo.bep.snapshot import Stored, compiled
from mmo.bep.verdict import Allow, Refuse
from tests.mmo.bep.cases import FREEZE, NOW, OFFERS, TRANSFER, event, facts, party

RULE = Task()
TOLD: dict[str, Any] = {
    "title": "Call", "assigneeRole": "supervisor", "checklist": ["called"], "slaSeconds": 3600,
    "escalateTo": "manager", "blocks": ["wallet.transfer"],
}  # fmt: skip
CALL = {"id": "t-1", "definition": "d-1", "title": "Call"}


def test_a_task_is_asked_for_after_the_event() -> None:
    read = RULE.read(TOLD, FREEZE, OFFERS)
    known = facts(wallet=party("w-1", "customer"))

    (asked,) = RULE.reactions(event(FREEZE, None, parties={"wallet": "w-1"}), known, read)

    assert asked.kind == "task"
    assert asked.data["wallet"] == "w-1"
    assert asked.data["assignee_role"] == "supervisor"
    assert asked.data["sla_seconds"] == 3600
    assert asked.data["blocks"] == ["wallet.transfer"]


@pytest.mark.parametrize(("tasks", "refused"), [([], False), (None, False), ([CALL], True)])
def test_what_it_blocks_is_refused_while_it_is_open(tasks: Any, refused: bool) -> None:
    read = RULE.read(TOLD, FREEZE, OFFERS)
    known = facts(values={OPEN.key: tasks}, payer=party("w-1", "customer"))

    verdict = RULE.decide(event(TRANSFER), known, read)

    if not refused:
        assert verdict == Allow()
        return
    assert isinstance(verdict, Refuse)
    assert verdict.code == "task_open"
    assert verdict.details["tasks"] == [CALL]


def test_one_rule_stands_after_its_event_and_before_what_it_blocks() -> None:
    stored = Stored(
        definition="d-1", version=1, event="wallet.freeze", phase=Phase.POST, product=None,
        processor="task", mode="binding", metadata=RULE.read(TOLD, FREEZE, OFFERS).model_dump(),
    )  # fmt: skip
    kinds = {"wallet.freeze": FREEZE, "wallet.transfer": TRANSFER}

    rules = compiled(1, [stored], processors(), kinds)

    assert len(rules.rules("wallet.freeze", Phase.POST, None, NOW)) == 1
    assert len(rules.rules("wallet.transfer", Phase.PRE, None, NOW)) == 1
    assert rules.needs("wallet.transfer", Phase.PRE) == (OPEN,)


WRONG = [
    ({"assigneeRole": "superviser"}, "did you mean supervisor"),
    ({"escalateTo": "boss"}, "/escalateTo"),
    ({"slaSeconds": None}, "/slaSeconds"),
    ({"blocks": ["wallet.transfr"]}, "did you mean wallet.transfer"),
    ({"party": "payer"}, "/party"),
    ({"title": ""}, "/title"),
    ({"slaSeconds": 0}, "/slaSeconds"),
]


@pytest.mark.parametrize(("metadata", "named"), WRONG)
def test_settings_that_cannot_work_are_named(metadata: dict[str, Any], named: str) -> None:
    with pytest.raises(MetadataError) as wrong:
        RULE.read({**TOLD, **metadata}, FREEZE, OFFERS)

    assert named in str(wrong.value)
