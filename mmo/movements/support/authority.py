"""Authority: what of a request is proved by rows. Nothing that a workflow hands over is. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mmo.bep.verdict import Approval, Ask, merged
from mmo.kernel.envelope import Actor, Envelope, Quoted
from mmo.movements.support.deadlines import SKEW, is_over, lien_is_over
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.triggers import (
    OnAnswer,
    OnCollection,
    OnDeadline,
    OnField,
    OnGrant,
    OnHold,
    OnRecipient,
    OnRefusal,
    Trigger,
)

_ENDED_BY = {"reject": "declined", "cancel": "cancelled"}
"""A vote that ends an approval → the refusal code that money is given back for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAnswer:
    """An answer whose signed document was verified: a row, written by the verification."""

    id: str
    name: str
    choice: str
    joined: Mapping[str, str]
    bank_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rows of a movement prove, beside its command."""

    steps: Mapping[int, str | None] = field(default_factory=dict[int, str | None])
    """Number of a recorded step → its refusal code; None: the books took it."""
    answers: Sequence[VerifiedAnswer] = ()
    asks: tuple[Ask, ...] = ()
    """Whose agreement was asked for when the movement was set aside."""
    votes: Sequence[tuple[str, str, tuple[str, ...]]] = ()
    """Of its approval: subject, choice and roles; each was verified when it was cast."""
    expires_at: datetime | None = None
    """When its approval expires."""
    recipient: str | None = None
    """The wallet that was opened for a voucher's number."""
    owed: int = 0
    """What a receiver who was short still owes to the reversal, in minor units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCommand:
    """A command as the API accepted it."""

    tenant: str
    type: str
    body: dict[str, Any]
    requested_at: str
    actor: Actor
    granted: tuple[str, ...]
    quoted: Quoted | None
    fingerprint: bytes


def proved_request(
    movement: Movement, asked: Request, accepted: AcceptedCommand, evidence: Evidence
) -> Request:
    """The request, with everything in it that rows prove taken from the rows."""
    step = movement.step(asked.step)
    envelope = Envelope(
        tenant=accepted.tenant,
        tenant_id=asked.envelope.tenant_id,
        actor=accepted.actor,
        movement=asked.envelope.movement,
        requested_at=accepted.requested_at,
        granted=accepted.granted,
        quoted=accepted.quoted,
    )
    approvals = tuple(
        Approval(subject=subject, roles=roles)
        for subject, choice, roles in evidence.votes
        if choice == "approve"
    )
    return replace(
        asked,
        envelope=envelope,
        movement=accepted.type,
        command=accepted.body,
        answers=step.quiet_for not in accepted.granted,
        asked=merged((), evidence.asks),
        approvals=approvals,
    )


def objection(
    movement: Movement, request: Request, verb: Verb, evidence: Evidence, now: datetime
) -> str | None:
    """Why the rows do not prove what the proved request asks for; None: they do."""
    step = movement.step(request.step)
    if verb is Verb.SETTLE:
        held = evidence.steps.get(Verb.RESERVE.number(request.step), "")
        return None if held is None else "nothing was set aside for it"
    if verb is Verb.RELEASE:
        reasons = set(_release_reasons(movement, step, request, evidence, now))
        return None if request.because in reasons else "nothing ended what was set aside"
    if step is movement.steps[0]:
        plain = not request.joined and not request.bank_reference and not request.because
        return None if plain else "nobody joins for the first step"
    triggers = (one for one in step.triggers if _fires(one, movement, request, evidence, now))
    return None if any(triggers) else f"nothing triggered {step.event}"


def _release_reasons(
    movement: Movement, step: Step, request: Request, evidence: Evidence, now: datetime
) -> Iterator[str]:
    """The codes that what was set aside may be given back for."""
    if refused := evidence.steps.get(request.step):
        yield refused
    yield from (_ENDED_BY[choice] for _, choice, _ in evidence.votes if choice in _ENDED_BY)
    if evidence.expires_at is not None and now + SKEW >= evidence.expires_at:
        yield "expired"
    for trigger in step.released_by:
        because = getattr(trigger, "because", "")
        if _fires(trigger, movement, replace(request, because=because), evidence, now):
            yield because


def _fires(  # noqa: PLR0911 - one line per trigger
    trigger: Trigger, movement: Movement, request: Request, evidence: Evidence, now: datetime
) -> bool:
    alone = not request.joined and not request.bank_reference
    match trigger:
        case OnAnswer(name=name, choice=choice, because=because):
            return request.because == because and any(
                (one.name, one.choice) == (name, choice)
                and dict(one.joined) == request.joined
                and one.bank_reference == request.bank_reference
                for one in evidence.answers
            )
        case OnDeadline(because=because):
            return alone and request.because == because and is_over(request, now)
        case OnRefusal(step=number):
            codes = {evidence.steps.get(one) for one in movement.tries(movement.step(number))}
            return alone and request.because != "" and request.because in codes
        case OnGrant(scope=scope):
            return alone and request.because == "" and scope in request.envelope.granted
        case OnField(field=name):
            return alone and request.because == "" and request.command.get(name) is not None
        case OnRecipient(role=role):
            return (
                request.because == ""
                and evidence.recipient is not None
                and request.joined == {role: evidence.recipient}
            )
        case OnHold():
            return alone and evidence.steps.get(Verb.RESERVE.number(1), "") is None
        case OnCollection(because=because):
            over = request.because == because and lien_is_over(request, now)
            return alone and (over or (request.because == "" and evidence.owed == 0))
