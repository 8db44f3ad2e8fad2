"""The uniform API: template, create, read, change and delete are alike for every processor."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from api.identity.administering import Version as ExpectedVersion
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.rules.parts import (
    SHARED,
    MayRead,
    MayWrite,
    Named,
    event_resource,
    identifier,
    offers,
    resource,
    tag_of,
    with_versions,
    wrong_settings,
)
from api.rules.schemas import RuleBody, RulePage, RuleSchema, RuleWithVersions, TemplateSchema
from api.schemas import answers_with, problems
from api.security import Caller
from mmo.bep import definitions
from mmo.bep.catalogue import UnknownEventError
from mmo.bep.definitions import NewVersion, Version
from mmo.bep.event import EventKind, Phase
from mmo.bep.processor import MetadataError, Offers
from mmo.bep.registry import Processor, names
from mmo.changes.rules import RuleChanges, Triplet
from mmo.movements.support.business_events import business_events
from mmo.tenancy.scope import scoped

router = APIRouter(prefix="/bep/{processor}", tags=["rules"])
Rule = Annotated[str, Path(max_length=40)]


@router.get(
    "/template", summary="Read what a form of its settings needs",
    responses=answers_with(TemplateSchema),
)  # fmt: skip
async def template(reading: Reading, processor: Named, caller: MayRead) -> dict[str, Any]:
    """The metadata's JSON Schema, what the tenant has to choose from, and the events that fit."""
    async with reading(caller, SHARED) as connection:
        offered = await offers(connection, caller)
    return {
        "processor": processor.name,
        "title": processor.title,
        "help": processor.help,
        "aliases": list(processor.aliases),
        "phases": sorted((phase.value for phase in processor.phases), reverse=True),
        "metadata": processor.metadata.model_json_schema(),
        "options": dict(processor.options(offered)),
        "events": [event_resource(kind) for kind in offered.events if processor.fits(kind)],
        "products": dict(offered.products),
    }


@router.post("", status_code=201, summary="Set a rule", responses=answers_with(RuleSchema, 201))
async def create(
    request: Request, processor: Named, body: RuleBody, caller: MayWrite
) -> JSONResponse:
    """Set a rule. Where rules need a second person it waits, `pending`, for their approval."""
    async with scoped(request.app.state.pool, caller.tenant.id, SHARED) as connection:
        triplet, new = await read_rule(connection, processor, body, caller)
        try:
            made = await _changes(connection, caller).create(triplet, new)
        except UniqueViolation:
            raise Problem("already_there", "this event and product has such a rule") from None
        found = await definitions.versions(connection, caller.tenant.id, made)
    _ring(request)
    location = {"Location": f"/bep/{processor.name}/{made}"}
    return JSONResponse(resource(found[0]), 201, headers=location | tag_of(found[0]))


@router.get("", summary="List rules", responses=answers_with(RulePage))
async def list_rules(
    reading: Reading, processor: Named, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """The rules of a processor that are not retired, the newest first."""
    key = key_of(cursor)
    before = identifier(key) if key else None
    async with reading(caller) as connection:
        found = await definitions.listed(
            connection, caller.tenant.id, processor.name, before, limit
        )
    rows = [resource(one) for one in found]
    return page_of(rows, limit, str(found[-1].id) if found else None)


@router.get("/{rule}", summary="Read a rule", responses=answers_with(RuleWithVersions))
async def read(reading: Reading, processor: Named, rule: Rule, caller: MayRead) -> JSONResponse:
    """The newest version of a rule, and all of them."""
    async with reading(caller) as connection:
        found = await _there(connection, caller, processor, identifier(rule))
    return JSONResponse(with_versions(found), headers=tag_of(found[0]))


@router.put("/{rule}", summary="Set a rule's next version",
            responses=answers_with(RuleSchema, 200, 412))  # fmt: skip
async def change(
    request: Request, processor: Named, rule: Rule, body: RuleBody, caller: MayWrite,
    version: ExpectedVersion,
) -> JSONResponse:  # fmt: skip
    """Versions never change: this adds the next. A `shadow` version runs beside the active one."""
    identity = identifier(rule)
    async with scoped(request.app.state.pool, caller.tenant.id, SHARED) as connection:
        found = await _current(connection, caller, processor, identity, version)
        triplet, new = await read_rule(connection, processor, body, caller)
        asked = (triplet.kind.name, triplet.phase.value, triplet.product)
        if asked != (found.event, found.phase, found.product):
            raise Problem("settings_invalid", "event, phase and product of a rule never change")
        await _changes(connection, caller).change(identity, new)
        after = await definitions.versions(connection, caller.tenant.id, identity)
    _ring(request)
    return JSONResponse(resource(after[0]), headers=tag_of(after[0]))


@router.delete("/{rule}", status_code=204, summary="End a rule",
               responses={**problems(), 202: answers_with(RuleSchema, 202)[202]})  # fmt: skip
async def end(request: Request, processor: Named, rule: Rule, caller: MayWrite) -> Response:
    """It is retired, never erased; 202 where a second person must approve that."""
    identity = identifier(rule)
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        found = await _there(connection, caller, processor, identity)
        new = NewVersion(wanted="retired", metadata=found[0].metadata, made_by=caller.actor.subject)
        if found[0].retired_at is not None:
            return Response(status_code=204)
        await _changes(connection, caller).change(identity, new)
        after = await definitions.versions(connection, caller.tenant.id, identity)
    _ring(request)
    if after[0].state == "pending":
        return JSONResponse(resource(after[0]), 202, headers=tag_of(after[0]))
    return Response(status_code=204)


def _changes(connection: AsyncConnection[Any], caller: Caller) -> RuleChanges:
    return RuleChanges(connection, caller.tenant.id, caller.actor)


def _ring(request: Request) -> None:
    request.app.state.bell.ring()


async def _there(
    connection: AsyncConnection[Any], caller: Caller, processor: Processor, rule: UUID
) -> list[Version]:
    """A rule of this tenant and processor. Raises Problem rule_not_found."""
    found = await definitions.versions(connection, caller.tenant.id, rule)
    if not found or found[0].processor != processor.name:
        raise Problem("rule_not_found")
    return list(found)


async def _current(
    connection: AsyncConnection[Any], caller: Caller, processor: Processor, rule: UUID,
    version: int,
) -> Version:  # fmt: skip
    await definitions.lock(connection, caller.tenant.id, rule)
    found = await _there(connection, caller, processor, rule)
    if found[0].number != version or found[0].retired_at is not None:
        raise Problem("version_conflict")
    return found[0]


async def read_rule(
    connection: AsyncConnection[Any], processor: Processor, body: RuleBody, caller: Caller
) -> tuple[Triplet, NewVersion]:
    """Check a body against processor, catalogue and tenant. Raises Problem settings_invalid."""
    if body.processor is not None and names().get(body.processor) != processor.name:
        raise Problem("settings_invalid", f"this is the address of {processor.name}")
    try:
        kind = business_events().find(body.entity, body.event)
    except UnknownEventError as error:
        raise Problem("settings_invalid", str(error)) from None
    phase = _phase(processor, kind, body.isPreEvent)
    offered = await offers(connection, caller)
    _check(body, kind, offered)
    try:
        metadata = processor.read(body.data, kind, offered)
    except MetadataError as error:
        raise wrong_settings(error) from None
    triplet = Triplet(kind=kind, phase=phase, product=body.productId, processor=processor.name)
    new = NewVersion(
        wanted=body.state, metadata=metadata.model_dump(mode="json"),
        made_by=caller.actor.subject, since=body.since, until=body.until,
    )  # fmt: skip
    return triplet, new


def _phase(processor: Processor, kind: EventKind, before: bool | None) -> Phase:
    default = Phase.PRE if Phase.PRE in processor.phases else Phase.POST
    phase = default if before is None else Phase.PRE if before else Phase.POST
    if phase not in processor.phases or not processor.fits(kind) or phase not in kind.phases:
        raise Problem("settings_invalid", f"{processor.name} has no say {phase.value} {kind.name}")
    return phase


def _check(body: RuleBody, kind: EventKind, offered: Offers) -> None:
    if body.productId is not None and not kind.product:
        raise Problem("settings_invalid", f"{kind.name} is of no product")
    if body.productId is not None and body.productId not in offered.products:
        raise Problem("product_unknown")
    if body.since and body.until and body.since >= body.until:
        raise Problem("settings_invalid", "it would end before it begins")
    for moment in (body.since, body.until):
        if moment is not None and moment.tzinfo is None:
            raise Problem("settings_invalid", "a moment needs its time zone")
