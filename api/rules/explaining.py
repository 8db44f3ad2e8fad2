"""Rules asked about an event that nobody has caused, and conditions tried before they are kept."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from api.paging import Moment
from api.problems import Problem
from api.reading import Reading
from api.rules.parts import MayRead, identifier
from api.rules.trial_schemas import (
    ConditionBody,
    ConditionSchema,
    EventBody,
    ExplainedSchema,
    MissingSchema,
    PartyBody,
    ShadowReportSchema,
)
from api.schemas import answers_with
from api.security import Caller
from mmo.bep import definitions
from mmo.bep.catalogue import UnknownEventError
from mmo.bep.condition_trial import check_names
from mmo.bep.conditions import ConditionError, holds, program_of
from mmo.bep.event import EventActor, EventKind
from mmo.bep.facts import Flag, PartyFacts
from mmo.bep.known import known
from mmo.bep.postgres import Snapshots
from mmo.kernel.money import Money
from mmo.movements.support.business_events import business_events
from mmo.tenancy.scope import scoped
from mmo.trials.explaining import NOBODY, Question, Thought, explained, missing, thought_of
from mmo.trials.parts import SPAN_MAX
from mmo.trials.shadow import Span, shadow_report

router = APIRouter(prefix="/bep", tags=["rules"])
DEFAULT_SPAN = timedelta(days=7)
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when somebody who is only thought of has been flagged."""


@router.post(
    "/explain", summary="Ask what rules would say", responses=answers_with(ExplainedSchema)
)
async def explain(request: Request, body: EventBody, caller: MayRead) -> dict[str, Any]:
    """Each rule in force, its facts and its verdict. Nothing is written, and nothing happens."""
    return explained(await _thought(request, _whole(body), caller))


@router.post("/expression/dry-run", summary="Try a condition",
             responses=answers_with(ConditionSchema))  # fmt: skip
async def dry_run(request: Request, body: ConditionBody, caller: MayRead) -> dict[str, Any]:
    """What a condition in CEL comes to, and what it could see."""
    try:
        program_of(body.expression)
        check_names(body.expression, _kind(body.entity, body.event))
    except ConditionError as error:
        raise Problem("settings_invalid", str(error)) from None
    thought = await _thought(request, _whole(body), caller)
    seen = known(thought.event, thought.facts)
    shown = {**seen, "facts": seen["facts"] | {"now": thought.facts.now.isoformat()}}
    try:
        return {"holds": holds(body.expression, seen), "error": None, "known": shown}
    except Exception as error:  # noqa: BLE001 - whatever keeps it from an answer is the answer
        return {"holds": None, "error": str(error)[:200], "known": shown}


@router.get("/missing", summary="List what is missing before an event",
            responses=answers_with(MissingSchema))  # fmt: skip
async def list_missing(
    request: Request,
    caller: MayRead,
    event: Annotated[str, Query(max_length=80, examples=["wallet.cash-out"])],
    wallet: UUID,
    party: Annotated[
        str | None, Query(max_length=40, description="As whom; null: the event's first party.")
    ] = None,
) -> dict[str, Any]:
    """The rows of data tables that rules still want about a wallet."""
    entity, _, action = event.partition(".")
    kind = _kind(entity, action)
    role = party or next(iter(kind.parties), None)
    if role is None or role not in kind.parties:
        raise Problem("settings_invalid", f"nobody is {party or 'a party'} in {kind.name}")
    body = EventBody(entity=entity, event=action, parties={role: wallet})
    thought = await _thought(request, body, caller)
    return {"event": kind.name, "party": role, "missing": missing(thought, role)}


@router.get("/definitions/{rule}/shadow-report", summary="Read what a rule in shadow would do",
            responses=answers_with(ShadowReportSchema))  # fmt: skip
async def read_shadow_report(
    reading: Reading,
    rule: str,
    caller: MayRead,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    """What it said of the movements of a span, at most 92 days; else those of the last seven."""
    identity = identifier(rule)
    async with reading(caller) as connection:
        if not await definitions.versions(connection, caller.tenant.id, identity):
            raise Problem("rule_not_found")
        cursor = await connection.execute("SELECT clock_timestamp()")
        row = await cursor.fetchone()
        assert row is not None
        last = until or row[0]
        first = since or last - DEFAULT_SPAN
        if not first < last <= first + SPAN_MAX:
            raise Problem("validation", "a span ends after it begins, within 92 days", status=422)
        span = Span(tenant=caller.tenant.id, definition=identity, since=first, until=last)
        report = await shadow_report(connection, span)
    return {"id": rule, "from": first.isoformat(), "to": last.isoformat(), **report}


async def _thought(request: Request, body: EventBody, caller: Caller) -> Thought:
    kind = _kind(body.entity, body.event)
    if wrong := sorted(body.parties.keys() - kind.parties.keys()):
        raise Problem("settings_invalid", f"nobody is {wrong[0]} in {kind.name}")
    asked = Question(
        tenant=caller.tenant.id,
        kind=kind,
        actor=_actor(body, caller),
        amount=body.amount and Money(body.amount.minor, body.amount.currency),
        product=body.productId,
        wallets={role: str(one) for role, one in body.parties.items() if isinstance(one, UUID)},
        made_up={role: _party(one, caller) for role, one in body.parties.items()
                 if isinstance(one, PartyBody)},
        at=body.at,
    )  # fmt: skip
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        snapshots = Snapshots(request.app.state.pool, business_events())
        try:
            return await thought_of(connection, snapshots, asked)
        except LookupError as error:
            raise Problem("not_found", str(error)) from None


def _whole(body: EventBody) -> EventBody:
    """The body, with the amount that its event carries. Raises Problem settings_invalid."""
    kind = _kind(body.entity, body.event)
    if kind.amount and body.amount is None:
        raise Problem("settings_invalid", f"{kind.name} carries an amount")
    return body


def _kind(entity: str, event: str) -> EventKind:
    try:
        return business_events().find(entity, event)
    except UnknownEventError as error:
        raise Problem("settings_invalid", str(error)) from None


def _actor(body: EventBody, caller: Caller) -> EventActor:
    """Somebody with these roles; without any said, the caller."""
    if body.actor is None:
        actor = caller.actor
        return EventActor(
            subject=actor.subject, client=actor.client, roles=frozenset(actor.roles),
            attributes=actor.attributes,
        )  # fmt: skip
    return EventActor(
        subject=NOBODY, client=caller.client, roles=frozenset(body.actor.roles),
        attributes=body.actor.attributes,
    )  # fmt: skip


def _party(body: PartyBody, caller: Caller) -> PartyFacts:
    flags = [flag.split("/", 1) for flag in body.flags]
    return PartyFacts(
        id=NOBODY,
        kind=body.kind,
        state=body.state,
        currency=caller.tenant.currencies[0],
        product=body.product,
        flags=tuple(Flag(list=name, code=code, since=_EVER) for name, code in flags),
    )
