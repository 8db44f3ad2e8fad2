"""Write a workflow history by hand, and replay it in the sandbox: no server needed."""

import json
from typing import Self

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType as Type
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from mmo.kernel.envelope import Actor, Envelope
from mmo.kernel.identifiers import MovementId, TenantId
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.movements.support.catalogue import movements
from mmo.movements.support.outcome import Held, Posted, Request
from workers.sandbox import RUNNER
from workflows.support.catalogue import workflow_of, workflows

_CHECK_IDS_AND_TYPES = 1  # The SDK core flag that real servers record on the first task.
_START = 1_700_000_000


def _payloads(*values: object) -> Payloads:
    return Payloads(payloads=pydantic_data_converter.payload_converter.to_payloads(values))


class Story:
    """A history in the making; each verb adds the events that a server would have written."""

    def __init__(self, asked: Request) -> None:
        workflow, self._movement = workflow_of(asked.movement), movements()[asked.movement]
        self._events: list[HistoryEvent] = []
        self._activities = 0
        self._timers = 0
        self._timer = 0
        self._open_task = 0
        self._now = _START
        started = self._add(Type.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
        attributes = started.workflow_execution_started_event_attributes
        attributes.workflow_type.name = workflow.__name__
        attributes.task_queue.name = "movements"
        attributes.input.CopyFrom(_payloads(asked))
        attributes.original_execution_run_id = "run"
        attributes.workflow_task_timeout.FromSeconds(10)
        self._workflow_task()

    def executed(self, outcome: Posted | Refused | Held) -> Self:
        """The workflow executed the step that the outcome's record names."""
        step = outcome.record["step"]
        name = f"{step}-{self._movement.step(step).event}"
        return self.did_locally("movements.execute", outcome, name)

    def did_locally(self, activity: str, result: object, name: str = "") -> Self:
        """The workflow ran a local activity, which left a marker with its result."""
        self._activities += 1
        marker = self._add(Type.EVENT_TYPE_MARKER_RECORDED).marker_recorded_event_attributes
        marker.marker_name = "core_local_activity"
        marker.workflow_task_completed_event_id = self._open_task
        told = {
            "seq": self._activities,
            "attempt": 1,
            "activity_id": name or str(self._activities),
            "activity_type": activity,
            "complete_time": {"seconds": _START, "nanos": 0},
            "backoff": None,
            "original_schedule_time": {"seconds": _START, "nanos": 0},
        }
        data = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(told).encode())
        marker.details["data"].payloads.append(data)
        marker.details["result"].CopyFrom(_payloads(result))
        return self

    def did(self, activity: str, result: object = None, name: str = "") -> Self:
        """The workflow ran an activity, which returned a result."""
        scheduled = self._add(Type.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        attributes = scheduled.activity_task_scheduled_event_attributes
        self._activities += 1
        attributes.activity_id = name or str(self._activities)
        attributes.activity_type.name = activity
        attributes.workflow_task_completed_event_id = self._open_task
        started = self._add(Type.EVENT_TYPE_ACTIVITY_TASK_STARTED)
        started.activity_task_started_event_attributes.scheduled_event_id = scheduled.event_id
        completed = self._add(Type.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
        outcome = completed.activity_task_completed_event_attributes
        outcome.scheduled_event_id = scheduled.event_id
        outcome.started_event_id = started.event_id
        outcome.result.CopyFrom(_payloads(result))
        self._workflow_task()
        return self

    def waited(self, seconds: int) -> Self:
        """The workflow started a timer; what follows happened while it ran."""
        timer = self._add(Type.EVENT_TYPE_TIMER_STARTED)
        self._timers += 1
        timer.timer_started_event_attributes.timer_id = str(self._timers)
        timer.timer_started_event_attributes.start_to_fire_timeout.FromSeconds(seconds)
        timer.timer_started_event_attributes.workflow_task_completed_event_id = self._open_task
        self._timer = timer.event_id
        return self

    def timer_fired(self, after: int = 0) -> Self:
        """The timer fired, so many seconds after the beginning of the story."""
        self._now = max(self._now, _START + after)
        fired = self._add(Type.EVENT_TYPE_TIMER_FIRED).timer_fired_event_attributes
        fired.timer_id, fired.started_event_id = str(self._timers), self._timer
        self._workflow_task()
        return self

    def timer_cancelled(self) -> Self:
        cancelled = self._add(Type.EVENT_TYPE_TIMER_CANCELED).timer_canceled_event_attributes
        cancelled.timer_id, cancelled.started_event_id = str(self._timers), self._timer
        cancelled.workflow_task_completed_event_id = self._open_task
        return self

    def heard(self, signal: str, argument: object) -> Self:
        """A signal arrived."""
        signaled = self._add(Type.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
        attributes = signaled.workflow_execution_signaled_event_attributes
        attributes.signal_name = signal
        attributes.input.CopyFrom(_payloads(argument))
        self._workflow_task()
        return self

    def marked(self, state: str) -> Self:
        """The workflow told lists of workflows which state it is in."""
        upserted = self._add(Type.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
        attributes = upserted.upsert_workflow_search_attributes_event_attributes
        attributes.workflow_task_completed_event_id = self._open_task
        data = Payload(
            metadata={"encoding": b"json/plain", "type": b"Keyword"},
            data=json.dumps(state).encode(),
        )
        attributes.search_attributes.indexed_fields["MovementState"].CopyFrom(data)
        return self

    def ended(self, result: object) -> WorkflowHistory:
        completed = self._add(Type.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
        attributes = completed.workflow_execution_completed_event_attributes
        attributes.result.CopyFrom(_payloads(result))
        attributes.workflow_task_completed_event_id = self._open_task
        return WorkflowHistory("story", self._events)

    def _workflow_task(self) -> None:
        scheduled = self._add(Type.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
        scheduled.workflow_task_scheduled_event_attributes.SetInParent()
        started = self._add(Type.EVENT_TYPE_WORKFLOW_TASK_STARTED)
        started.workflow_task_started_event_attributes.scheduled_event_id = scheduled.event_id
        completed = self._add(Type.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        attributes = completed.workflow_task_completed_event_attributes
        attributes.scheduled_event_id = scheduled.event_id
        attributes.started_event_id = started.event_id
        attributes.sdk_metadata.core_used_flags.append(_CHECK_IDS_AND_TYPES)
        self._open_task = completed.event_id

    def _add(self, kind: Type.ValueType) -> HistoryEvent:
        event = HistoryEvent(event_id=len(self._events) + 1, event_type=kind)
        self._now += 1
        event.event_time.FromSeconds(self._now)
        self._events.append(event)
        return event


async def replay(history: WorkflowHistory) -> None:
    """Replay in the sandbox. Raises NondeterminismError where the code does something else."""
    replayer = Replayer(
        workflows=list(workflows().values()),
        data_converter=pydantic_data_converter,
        workflow_runner=RUNNER,
    )
    await replayer.replay_workflow(history)


WALLETS = {
    name: f"00000000-0000-4000-8000-00000000000{number}"
    for number, name in enumerate(("alice", "bob", "agent", "super", "stall", "shop"), 1)
}


def request(movement: str, *granted: str, **parties: str) -> Request:
    """The request of a movement of KES 5.00."""
    named = {field: WALLETS.get(name, name) for field, name in parties.items()}
    return Request(
        envelope=Envelope(
            tenant="demo",
            tenant_id=TenantId(1),
            actor=Actor(subject="maker", client="app"),
            movement=MovementId("01a20d90-aad9-74da-86e7-b88028f797b9"),
            requested_at="2026-11-24T12:00:00+00:00",
            granted=granted,
        ),
        movement=movement,
        command={"amount": {"value": "5.00", "currency": "KES"}, **named},
    )


def story(asked: Request) -> Story:
    """The story of a movement, from its request on."""
    return Story(asked)


def posted(asked: Request, step: int = 1) -> Posted:
    """A step's legs are in the books."""
    return Posted(
        journal=7,
        state=movements()[asked.movement].step(step).state,
        at="2026-11-24T12:00:01+00:00",
        position="800",
        prices={"A": 500},
        record={"step": step},
    )


def refused(code: str, step: int = 1) -> Refused:
    """A step was refused, or gave money back for that reason."""
    return Refused(code, REFUSALS[code], record={"step": step}, position="800")


MONTH = 30 * 24 * 3600
