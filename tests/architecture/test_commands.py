"""Every command raises a business event, and one listener alone asks the rules."""

import ast
from pathlib import Path
from typing import Any

import pytest

from api.app import create_routes
from api.changing import Raising
from mmo.bep.platform import COMMANDS
from mmo.changes.support.registry import kinds
from mmo.movements.support.business_events import business_events
from mmo.movements.support.catalogue import movements
from tests.architecture.tree import MODULES, name_of, parsed

LISTENER = "mmo/bep/listener.py"
DECIDES_SOMETHING_ELSE = {
    ("mmo/changes/rules.py", "definitions"): "whether a version of a rule is approved",
    ("api/rules/governing.py", "RuleChanges"): "the same",
    ("api/deciding/approvals.py", "parts"): "what a person says about an approval",
}
"""Calls of that name that ask no processor: module and receiver."""
OWN_EVENTS = {
    ("PUT", "/v1/bep/settings"): "rule.govern",
    ("POST", "/v1/bep/definitions/{rule}/approve"): "rule.approve",
    ("POST", "/v1/bep/definitions/{rule}/reject"): "rule.reject",
    ("POST", "/bep/{processor}"): "rule.create",
    ("PUT", "/bep/{processor}/{rule}"): "rule.change",
    ("DELETE", "/bep/{processor}/{rule}"): "rule.retire",
    ("POST", "/v1/tasks/{task}/complete"): "task.complete",
    ("POST", "/v1/approvals/{approval}/decisions"): "approval.approve",
    ("POST", "/v1/approvals/decisions"): "approval.approve",
    ("DELETE", "/v1/approvals/{approval}"): "approval.cancel",
}
"""Commands that are about rules, approvals and tasks themselves: their contexts tell of them."""
NO_COMMANDS = {
    ("POST", "/v1/pin/verifications"): "proves a PIN for another request, and changes nothing",
    ("POST", "/v1/notifications/{notification}/read"): "one's own inbox",
    ("POST", "/v1/approvals/{approval}/documents"): "signs, and sends nothing",
    ("PUT", "/v1/approvals/substitutes"): "one's own absence; the audit is told",
    ("DELETE", "/v1/approvals/substitutes"): "the same",
    ("POST", "/v1/qr/decodings"): "says what was scanned, and carries nothing out",
    ("POST", "/v1/bep/explain"): "asks what rules would say",
    ("POST", "/v1/bep/backtests"): "asks what rules would have said",
    ("POST", "/v1/books/reconciliations"): "holds what is there against each other",
    ("POST", "/v1/operations/stuck/{movement}/mend"): "lets a movement go on; the audit is told",
    ("POST", "/v1/bep/expression/dry-run"): "asks what a condition would say",
}
NO_COMMANDS |= {
    ("POST", f"/v1/quotes/{name}"): "prices a movement, and carries nothing out"
    for name, movement in movements().items()
    if movement.priced
}
MONEY = {f"/v1/movements/{name}" for name in movements()}
"""Their events are the movements' own: `MovementActivities` asks the rules."""
ANSWERS = {
    f"/v1/movements/{{movement_id}}/{answer.name}"
    for movement in movements().values()
    for answer in movement.answers
} | {"/v1/vouchers/redemptions"}
"""Answers to a movement that waits: its workflow tells what became of it."""


def commands() -> list[Any]:
    """Every route of ours that is no reading and moves no money."""
    included = [one for one in create_routes().routes if hasattr(one, "effective_candidates")]
    return [
        route
        for router in included
        for route in router.effective_candidates()
        if route.path.startswith(("/v1/", "/bep/"))
        and route.methods - {"GET"}
        and route.path not in MONEY | ANSWERS
    ]


def raised(route: Any) -> list[str]:
    """The business events that a route says it raises."""
    told: list[Any] = [one.call for one in route.dependant.dependencies]
    return [call.event for call in told if isinstance(call, Raising)]


def asking(route: Any) -> tuple[str, str]:
    return next(iter(route.methods)), route.path


@pytest.mark.parametrize("route", commands(), ids=lambda route: " ".join(asking(route)))
def test_every_command_raises_a_business_event(route: Any) -> None:
    how = asking(route)
    events = raised(route) or [OWN_EVENTS[how]] if how not in NO_COMMANDS else []

    assert all(event in business_events().kinds for event in events)
    assert (how in NO_COMMANDS) != bool(events), f"{how} raises no event, and does not say why"


def test_every_command_of_the_catalogue_is_carried_out_and_asked_for() -> None:
    asked = {event for route in commands() for event in raised(route)}

    assert asked == set(kinds()) == {kind.name for kind in COMMANDS}


def test_a_message_tells_of_one_event() -> None:
    told = [raises for kind in business_events().kinds.values() for raises in kind.raises]

    assert len(told) == len(set(told))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_listener_alone_asks_processors(module: Path) -> None:
    for node in ast.walk(parsed(module)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in {"decide", "reactions"} or name_of(module) == LISTENER:
            continue
        receiver = node.func.value
        named = ast.unparse(receiver.func if isinstance(receiver, ast.Call) else receiver)
        assert (name_of(module), named) in DECIDES_SOMETHING_ELSE, f"line {node.lineno}: {named}"


def test_what_is_listed_here_is_there() -> None:
    assert set(OWN_EVENTS) | set(NO_COMMANDS) <= {asking(route) for route in commands()}
