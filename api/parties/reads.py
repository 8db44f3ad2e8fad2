"""Reading parties: one, now or then; a list; and the tree below one."""

from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from api.fields import Msisdn
from api.paging import Cursor, Limit, Moment, page_of
from api.parties.offices import after_id
from api.parties.routes import MayRead, Opened, find_party, not_found, party_of
from api.parties.schemas import PartyPage, PartySchema, TreeSchema
from api.reading import Reading
from api.schemas import answers_with
from mmo.changes.parties import PARTY
from mmo.parties import postgres as parties
from mmo.parties.postgres import Sought

router = APIRouter(prefix="/parties", tags=["parties"])

TREE_MAX = 1000


@router.get("", summary="List parties", responses=answers_with(PartyPage))
async def read_parties(
    reading: Reading,
    caller: MayRead,
    opened: Opened,
    kind: Annotated[
        Literal["subscriber", "agent", "super_agent", "merchant", "organisation"] | None, Query()
    ] = None,
    state: Annotated[Literal["registered", "active", "suspended", "closed"] | None, Query()] = None,
    parent: Annotated[UUID | None, Query(description="Who stands above.")] = None,
    office: Annotated[UUID | None, Query(description="Which office looks after it.")] = None,
    msisdn: Annotated[Msisdn | None, Query(description="Whose number it is.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Parties by id, a page at a time; those that fit everything that is asked for."""
    alias = await opened.index(caller.tenant.slug, msisdn) if msisdn else None
    sought = Sought(kind=kind, state=state, parent=parent, office=office, alias=alias)
    after = after_id(cursor)
    async with reading(caller) as connection:
        found = await parties.listed(connection, caller.tenant.id, sought, after, limit)
    rows = [await party_of(opened, caller, one) for one in found]
    return page_of(rows, limit, found[-1].id if found else None)


@router.get("/{party}", summary="Read a party", responses=answers_with(PartySchema))
async def read_party(
    reading: Reading,
    party: str,
    caller: MayRead,
    opened: Opened,
    as_of: Annotated[
        Moment | None, Query(description="The party as it was at this moment.")
    ] = None,
) -> dict[str, Any]:
    """Answer with the party now, or fold its events up to a moment."""
    found = await find_party(reading, caller, party)
    if as_of is None:
        return await party_of(opened, caller, found)
    async with reading(caller) as connection:
        then = await PARTY.as_of(connection, caller.tenant.id, UUID(found.id), as_of)
    if then is None:
        raise not_found()
    return await party_of(opened, caller, then)


@router.get("/{party}/tree", summary="Read who stands below a party",
            responses=answers_with(TreeSchema))  # fmt: skip
async def read_tree(reading: Reading, party: str, caller: MayRead) -> dict[str, Any]:
    """Everybody below a party, at most 1,000, the nearest first."""
    found = await find_party(reading, caller, party)
    async with reading(caller) as connection:
        nodes = await parties.below(connection, caller.tenant.id, UUID(found.id), TREE_MAX + 1)
    items = [asdict(one) for one in nodes[:TREE_MAX]]
    return {"party": found.id, "items": items, "more": len(nodes) > TREE_MAX}
