"""Folding a history: what a movement is, derived from its workflow history alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from mmo.histories.codec import ENCODING
from mmo.kernel.money import Money
from mmo.movements.support.catalogue import movements
from mmo.movements.support.outcome import Held, Outcome, Request, told

_OUTCOME = cast("type[Outcome]", Outcome)
_POSTS = frozenset(
    {"movements.execute", "movements.reserve", "movements.settle", "movements.release"}
)


class UnreadableHistoryError(Exception):
    """The history does not begin as a movement's does, or is enciphered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A movement as its history tells it."""

    movement: str
    tenant_id: int
    type: str
    state: str
    amount_minor: int
    currency: str
    wallets: tuple[str, ...]
    journal: int | None
    refusal: str | None
    posted_at: str | None
    records: tuple[dict[str, Any], ...]
    """The decision records in order: what the journal keeps as `meta`."""


def fold(history: WorkflowHistory) -> Folded:
    """Derive the movement. Raises UnreadableHistoryError."""
    request = _request(history)
    outcomes = [one for one in _outcomes(history) if _is_recorded(one)]
    tellings = [told(outcome) for outcome in outcomes]
    nothing: dict[str, Any] = {"state": "accepted", "code": None, "at": None}
    last = tellings[-1] if tellings else nothing
    posted = [one for one in tellings if one["journal"] is not None]
    movement, amount = movements()[request.movement], Money.parse(**request.command["amount"])
    return Folded(
        movement=request.envelope.movement,
        tenant_id=request.envelope.tenant_id,
        type=request.movement,
        state=last["state"],
        amount_minor=amount.minor,
        currency=amount.currency,
        wallets=tuple(sorted({*movement.parties_of(request.command).values(), *_seen(outcomes)})),
        journal=posted[-1]["journal"] if posted else None,
        refusal=last["code"],
        posted_at=last["at"] if last["state"] == "posted" else None,
        records=tuple(outcome.record for outcome in outcomes),
    )


def _request(history: WorkflowHistory) -> Request:
    first = history.events[0] if history.events else None
    if first is None or first.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        raise UnreadableHistoryError(f"{history.workflow_id} does not begin with its start")
    payloads = first.workflow_execution_started_event_attributes.input.payloads
    return _decoded(payloads[0], Request)


def _outcomes(history: WorkflowHistory) -> Iterator[Outcome]:
    """The results of the activities that post, in the order of the history."""
    scheduled: dict[int, str] = {}
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == "core_local_activity" and "result" in marker.details:
                data = json.loads(marker.details["data"].payloads[0].data)
                if data["activity_type"] in _POSTS:
                    yield _decoded(marker.details["result"].payloads[0], _OUTCOME)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            scheduled[event.event_id] = name
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            completed = event.activity_task_completed_event_attributes
            if scheduled.get(completed.scheduled_event_id) in _POSTS:
                yield _decoded(completed.result.payloads[0], _OUTCOME)


def _is_recorded(outcome: Outcome) -> bool:
    """What stays set aside, because more is asked or awaited, is in no journal again."""
    return not (isinstance(outcome, Held) and outcome.journal == 0)


def _seen(outcomes: list[Outcome]) -> Iterator[str]:
    """The wallets that each step was decided on: those too that joined it only then."""
    for outcome in outcomes:
        yield from (wallet["id"] for wallet in outcome.record.get("wallets", {}).values())


def _decoded(payload: Payload, kind: type[Any]) -> Any:
    if payload.metadata.get("encoding") == ENCODING:
        raise UnreadableHistoryError("the history is enciphered: open it with the tenant's key")
    return pydantic_data_converter.payload_converter.from_payload(payload, kind)
