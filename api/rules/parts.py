"""What the routes of the rules share: processors by name, offers, and how a rule looks."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path
from psycopg import AsyncConnection

from api.problems import Problem
from api.security import Caller, requires
from mmo.bep.definitions import Version
from mmo.bep.event import EventKind
from mmo.bep.processor import MetadataError, Offers
from mmo.bep.registry import Processor, names, processors
from mmo.changes.rules import offers_of
from mmo.codelists.postgres import RESOURCE
from mmo.kernel.spelling import nearest
from mmo.movements.support.business_events import business_events

SHARED = (RESOURCE,)
"""What of other tenants settings may name."""
ERRORS_MAX = 20

MayRead = Annotated[Caller, Depends(requires("bep:read"))]
MayWrite = Annotated[Caller, Depends(requires("bep:write"))]
MayApprove = Annotated[Caller, Depends(requires("bep:approve"))]


async def named_processor(processor: Annotated[str, Path(max_length=60)]) -> Processor:
    """The processor of an address, by name or alias. Raises Problem processor_unknown."""
    name = names().get(processor)
    if name is None:
        raise Problem("processor_unknown", nearest(processor, names()))
    return processors()[name]


Named = Annotated[Processor, Depends(named_processor)]


async def offers(connection: AsyncConnection[Any], caller: Caller) -> Offers:
    """What the caller's tenant has that settings may name."""
    kinds = tuple(business_events().kinds.values())
    return await offers_of(connection, caller.tenant.id, caller.tenant.currencies, kinds)


def wrong_settings(error: MetadataError) -> Problem:
    """Settings that a processor does not take, each by its place in `data`."""
    listed = [
        {"pointer": f"/data{pointer}", "in": "body", "code": "settings_invalid", "detail": what}
        for pointer, what in error.errors[:ERRORS_MAX]
    ]
    return Problem("settings_invalid", error.errors[0][1], errors=listed)


def event_resource(kind: EventKind) -> dict[str, Any]:
    """How a business event looks."""
    return {
        "entity": kind.entity,
        "event": kind.action,
        "title": kind.title,
        "phases": sorted((phase.value for phase in kind.phases), reverse=True),
        "amount": kind.amount,
        "product": kind.product,
        "parties": dict(kind.parties),
        "spoken": list(kind.spoken),
        "declared": kind.declared,
    }


def resource(version: Version) -> dict[str, Any]:
    """How a version of a rule looks."""
    entity, _, action = version.event.partition(".")
    kind = business_events().kinds.get(version.event)
    return {
        "id": str(version.id),
        "version": version.number,
        "state": version.state,
        "wanted": version.wanted,
        "entity": entity,
        "event": action,
        "isPreEvent": version.phase == "pre",
        "processor": version.processor,
        "productId": version.product,
        "data": version.metadata,
        "binds": kind is not None and not kind.declared,
        "from": version.since.isoformat() if version.since else None,
        "to": version.until.isoformat() if version.until else None,
        "made_by": version.made_by,
        "made_at": version.made_at.isoformat(),
        "decided_by": version.decided_by,
        "decided_at": version.decided_at.isoformat() if version.decided_at else None,
    }


def with_versions(versions: Sequence[Version]) -> dict[str, Any]:
    """A rule with all its versions."""
    return resource(versions[0]) | {"versions": [resource(one) for one in versions]}


def tag_of(version: Version) -> dict[str, str]:
    """The ETag of a rule: the number of its newest version."""
    return {"ETag": f'"{version.number}"'}


def identifier(text: str) -> UUID:
    """The id in a path. Raises Problem rule_not_found for what is no canonical UUID."""
    try:
        parsed = UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text:
        raise Problem("rule_not_found")
    return parsed
