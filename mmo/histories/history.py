"""A kept history: packed for the archive, and told line by line for the timeline."""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import WorkflowHistory

SMALLEST_ATTEMPT_TOLD = 2
_CLOSING = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed out",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "terminated",
}


class DamagedHistoryError(Exception):
    """The kept bytes are not those that were kept."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A history as it is kept: zlib of its protocol buffer, and the SHA-256 of the latter."""

    content: bytes
    sha256: bytes


def pack(history: WorkflowHistory) -> Packed:
    """Pack a history; the same history gives the same bytes."""
    told = History(events=history.events).SerializeToString(deterministic=True)
    return Packed(zlib.compress(told), sha256(told).digest())


def unpack(workflow_id: str, packed: Packed) -> WorkflowHistory:
    """Read a kept history. Raises DamagedHistoryError."""
    try:
        told = zlib.decompress(packed.content)
    except zlib.error as error:
        raise DamagedHistoryError(f"{workflow_id}: {error}") from error
    if sha256(told).digest() != packed.sha256:
        raise DamagedHistoryError(f"{workflow_id}: the hash is another one")
    return WorkflowHistory(workflow_id, list(History.FromString(told).events))


def closed(history: WorkflowHistory) -> str | None:
    """How the workflow ended; None while it runs."""
    return _CLOSING.get(history.events[-1].event_type) if history.events else None


def closed_at(history: WorkflowHistory) -> datetime:
    """When the newest event happened (UTC)."""
    return history.events[-1].event_time.ToDatetime(UTC)


def timeline_of(history: WorkflowHistory) -> list[dict[str, Any]]:
    """What the history knows and the decision records do not: signals, retries, timers, the end."""
    return [
        {
            "event_id": event.event_id,
            "at": event.event_time.ToDatetime(UTC).isoformat(),
            "kind": kind,
            "title": title,
            "detail": detail,
        }
        for event in history.events
        for kind, title, detail in _told(event)
    ]


Line = tuple[str, str, dict[str, Any]]
"""Kind, title and detail of one line of a timeline."""


def _told(event: HistoryEvent) -> Iterator[Line]:
    if event.event_type in _CLOSING:
        yield "ended", f"workflow {_CLOSING[event.event_type]}", {}
    teller = _TELLERS.get(event.event_type)
    if teller is not None:
        yield from teller(event)


def _started(event: HistoryEvent) -> Iterator[Line]:
    began = event.workflow_execution_started_event_attributes
    yield "started", f"workflow {began.workflow_type.name} started", {}


def _signal(event: HistoryEvent) -> Iterator[Line]:
    signal = event.workflow_execution_signaled_event_attributes
    yield "signal", f"signal {signal.signal_name}", {"identity": signal.identity}


def _timer(event: HistoryEvent) -> Iterator[Line]:
    timer = event.timer_started_event_attributes
    yield "timer", f"waits up to {timer.start_to_fire_timeout.seconds} s", {"timer": timer.timer_id}


def _timer_over(_: HistoryEvent) -> Iterator[Line]:
    yield "timer", "the time is over", {}


def _task_failed(event: HistoryEvent) -> Iterator[Line]:
    failed = event.workflow_task_failed_event_attributes
    yield "fault", "workflow task failed", {"message": failed.failure.message[:300]}


def _task_lost(_: HistoryEvent) -> Iterator[Line]:
    yield "fault", "workflow task timed out: its worker was lost", {}


def _attempt(event: HistoryEvent) -> Iterator[Line]:
    attempt = event.activity_task_started_event_attributes.attempt
    if attempt >= SMALLEST_ATTEMPT_TOLD:
        yield "retry", f"attempt {attempt}", {"attempt": attempt}


def _marker(event: HistoryEvent) -> Iterator[Line]:
    """A local activity's marker tells its attempts."""
    marker = event.marker_recorded_event_attributes
    if marker.marker_name != "core_local_activity":
        return
    told = json.loads(marker.details["data"].payloads[0].data)
    attempt = int(told.get("attempt", 1))
    name = told.get("activity_type", "")
    title = name if attempt < SMALLEST_ATTEMPT_TOLD else f"{name}, attempt {attempt}"
    yield "activity", title, {"attempt": attempt}


_TELLERS: dict[EventType.ValueType, Callable[[HistoryEvent], Iterator[Line]]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _started,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signal,
    EventType.EVENT_TYPE_TIMER_STARTED: _timer,
    EventType.EVENT_TYPE_TIMER_FIRED: _timer_over,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _task_failed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: _task_lost,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _attempt,
    EventType.EVENT_TYPE_MARKER_RECORDED: _marker,
}
