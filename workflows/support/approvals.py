"""Waiting for people's agreement: the one door `decide`, timers, and who is still awaited."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from activities.approvals import ApprovalActivities
from mmo.approvals.awaited import Awaited, Ending, OpenedApproval, Vote
from mmo.bep.verdict import Approval, Ask, unmet
from workflows.support.limits import ANSWERS_QUEUED_MAX, DATABASE_CALL, UNTIL_IT_WORKS
from workflows.support.signals import (
    DECIDE,
    DROPS_NAMED_MAX,
    Handler,
    SignalReceiver,
    is_document,
    text_of,
)

Doors = ApprovalActivities
ENDED_BY: dict[str, Ending] = {"reject": "rejected", "cancel": "cancelled"}
_SHAPE = "2026-12-drop-what-is-no-document"
REASONS = {"rejected": "declined", "expired": "expired", "cancelled": "cancelled"}
"""How an approval ended → the refusal code of what it was about."""


@dataclass(slots=True, kw_only=True)
class _Alarm:
    """Something that is due at a moment, unless everybody has agreed before."""

    at: datetime
    what: str
    ask: int


class AwaitsDecisions(SignalReceiver, ABC):
    """What a workflow has that people decide about. Signals only enqueue: `run` verifies."""

    def __init__(self) -> None:
        super().__init__()
        self._documents: deque[str] = deque()
        self._ignored: deque[str] = deque(maxlen=DROPS_NAMED_MAX)

    def signal_handlers(self) -> Mapping[str, Handler]:
        """`decide` carries a signed document."""
        return {DECIDE: self._take_document}

    def _take_document(self, payloads: Sequence[RawValue]) -> None:
        """Take in a signed document; it is verified before it counts."""
        document = text_of(payloads)
        # Histories of before hold any text, and how it was verified.
        if document is None or not (is_document(document) or not workflow.patched(_SHAPE)):
            self.drop(DECIDE, "carries no signed document")
        elif len(self._documents) >= ANSWERS_QUEUED_MAX:
            self.drop(DECIDE, "too many wait to be verified: send it again")
        else:
            self._documents.append(document)

    @abstractmethod
    def describe(self, awaited: Awaited, state: Sequence[str]) -> None:
        """Tell whoever looks at the workflow what it waits for."""

    async def agreement(
        self, awaited: Awaited, renew: Callable[[], None]
    ) -> tuple[Awaited, Ending | None]:
        """Wait until everybody asked has agreed; or say how it ended before.

        `renew` may go on in a fresh history; asked again, it waits no longer for that. Votes that
        were given before count. Documents that prove nothing stay in the history, are
        named in the details and in the audit, and are ignored.
        """
        now = workflow.now()
        expires = now + timedelta(seconds=min(ask["expires_s"] for ask in awaited.asks))
        awaited = replace(awaited, expires_at=expires.isoformat())
        opened = await _do(Doors.open, awaited, summary="ask for approval")
        if isinstance(opened, OpenedApproval):  # None: in histories of before
            expires = datetime.fromisoformat(opened.expires_at)
            awaited = replace(
                awaited, expires_at=opened.expires_at, given=opened.given or awaited.given
            )
            self._documents.extend(one for one in opened.documents if one not in self._documents)
            if (ended := _ended_by_votes(awaited)) is not None:
                return awaited, ended
        alarms = _alarms(awaited, now)
        while open_asks(awaited):
            renew()
            self.describe(awaited, self._table(awaited))
            left = min([expires, *(alarm.at for alarm in alarms)]) - workflow.now()
            try:
                await workflow.wait_condition(
                    lambda: bool(self._documents), timeout=max(left, timedelta(0)),
                    timeout_summary="wait for approval",
                )  # fmt: skip
            except TimeoutError:
                if workflow.now() >= expires:
                    return awaited, "expired"
                awaited, alarms = await _rung(awaited, alarms)
                continue
            said = await _do(
                Doors.verify, awaited, self._documents.popleft(), summary="verify a decision",
                local=True,
            )  # fmt: skip
            if not isinstance(said, Vote):
                self._ignored.append(said)
            elif said.choice in ENDED_BY:
                return _with(awaited, said), ENDED_BY[said.choice]
            else:
                awaited = _with(awaited, said)
        self.describe(awaited, self._table(awaited))
        return awaited, None

    async def end_approval(self, awaited: Awaited, ending: Ending) -> None:
        """Take it out of every inbox."""
        await _do(Doors.close, awaited, ending, summary=f"approval {ending}")

    def _table(self, awaited: Awaited) -> list[str]:
        """Who is awaited until when, as markdown."""
        rows = ["| awaited | people | until |", "|---|---|---|"]
        rows += [
            f"| {' or '.join(ask.roles)} | {ask.people} | {awaited.expires_at[:16]} |"
            for ask in open_asks(awaited)
        ]
        rows += [f"- {vote.subject}: {vote.choice}" for vote in awaited.given]
        return rows + [f"- ignored: {why}" for why in self._ignored] + self.dropped()


def asks_of(awaited: Awaited) -> tuple[Ask, ...]:
    """Everybody who is asked."""
    return tuple(Ask.of(row) for row in awaited.asks)


def approvals_of(awaited: Awaited) -> tuple[Approval, ...]:
    """Everybody who has agreed."""
    return tuple(
        Approval(subject=vote.subject, roles=vote.roles)
        for vote in awaited.given
        if vote.choice == "approve"
    )


def open_asks(awaited: Awaited) -> tuple[Ask, ...]:
    """What nobody has agreed to yet."""
    return unmet(asks_of(awaited), approvals_of(awaited))


def _ended_by_votes(awaited: Awaited) -> Ending | None:
    """How somebody has ended it already, before this run of the process."""
    choices = (vote.choice for vote in awaited.given)
    return next((ENDED_BY[choice] for choice in choices if choice in ENDED_BY), None)


def _with(awaited: Awaited, vote: Vote) -> Awaited:
    return replace(awaited, given=(*awaited.given, vote))


def _alarms(awaited: Awaited, now: datetime) -> list[_Alarm]:
    """When reminders and escalations are due, in order."""
    found = [
        _Alarm(at=now + timedelta(seconds=ask[after]), what=what, ask=number)
        for number, ask in enumerate(awaited.asks)
        for after, what in (("remind_s", "reminded"), ("escalate_s", "escalated"))
        if ask.get(after)
    ]
    return sorted(found, key=lambda alarm: (alarm.at, alarm.ask, alarm.what))


async def _rung(awaited: Awaited, alarms: list[_Alarm]) -> tuple[Awaited, list[_Alarm]]:
    """Do what is due now. An escalation lets further roles agree."""
    due = [alarm for alarm in alarms if alarm.at <= workflow.now()]
    for alarm in due:
        ask = awaited.asks[alarm.ask]
        roles: tuple[str, ...] = tuple(ask["roles"])
        if alarm.what == "escalated":
            further = tuple(role for role in ask.get("escalate_to", ()) if role not in roles)
            changed = {**ask, "roles": [*roles, *further]}
            asks = (*awaited.asks[: alarm.ask], changed, *awaited.asks[alarm.ask + 1 :])
            awaited, roles = replace(awaited, asks=asks), further or roles
        about = {"awaited": list(roles), "due": alarm.at.isoformat()}
        await _do(Doors.tell, awaited, alarm.what, about, summary=alarm.what)
    return awaited, [alarm for alarm in alarms if alarm not in due]


async def _do(door: Any, *arguments: Any, summary: str, local: bool = False) -> Any:
    """Call a door of the approvals, with its timeout and retries."""
    execute = workflow.execute_local_activity_method if local else workflow.execute_activity_method
    call: Any = execute
    return await call(
        door,
        args=list(arguments),
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary=summary,
    )
