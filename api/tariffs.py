"""Tariffs: what movements cost, set by one person, approved by another, and dated."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.changing import Changing, Raising, changed
from api.identity.administering import identifier
from api.problems import Problem
from api.queries.paging import Cursor, Limit, key_of, page_of
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from api.terms import (
    DecisionBody,
    Number,
    TermBody,
    TermId,
    VersionSchema,
    about,
    decided,
    resource,
)
from mmo.dated import postgres as terms
from mmo.dated.postgres import Version
from mmo.kernel.identifiers import mint
from mmo.kernel.spelling import nearest
from mmo.movements.support.catalogue import movements
from mmo.pricing.snapshot import KIND
from mmo.pricing.tariff import EARNERS, Tariff, TariffError, read

router = APIRouter(prefix="/tariffs", tags=["tariffs"])

MayRead = Annotated[Caller, Depends(requires("tariffs:read"))]
MayWrite = Annotated[Caller, Depends(requires("tariffs:write"))]
MayApprove = Annotated[Caller, Depends(requires("tariffs:approve"))]
MovementType = Annotated[str, Field(min_length=1, max_length=60, examples=["p2p-transfer"])]


class NewTariff(TermBody):
    """A tariff for a movement type, a currency, and all products or one."""

    movement: MovementType
    currency: str = Field(min_length=3, max_length=3, examples=["KES"])
    product: Number | None = Field(default=None, description="Null: the default of all products.")


class NextTariff(TermBody):
    """The next version of a tariff."""

    version: Number = Field(description="The newest number that the caller knows.")


class TariffSchema(VersionSchema):
    """A version of a tariff."""

    movement: str
    currency: str
    product: int | None


class TariffWithVersions(TariffSchema):
    """The newest version of a tariff, and all of them."""

    versions: list[TariffSchema]


class TariffPage(BaseModel):
    """Tariffs, the newest first, each by its newest version; and the cursor of the next page."""

    items: list[TariffSchema]
    next: str | None


class TemplateSchema(BaseModel):
    """What a form of a tariff needs."""

    content: dict[str, Any] = Field(description="JSON Schema of `content`.")
    movements: dict[str, list[str]] = Field(
        description="Movement type → the symbols that it can post: what may be charged."
    )
    currencies: list[str]
    roles: list[str] = Field(description="Who may earn a commission.")


def tariff_resource(version: Version) -> dict[str, Any]:
    """How a version of a tariff looks."""
    return resource(version) | dict(version.key)


@router.get("/template", summary="Read what a form of a tariff needs",
            responses=answers_with(TemplateSchema))  # fmt: skip
async def template(caller: MayRead) -> dict[str, Any]:
    """The content's JSON Schema, and what the tenant has to choose from."""
    return {
        "content": Tariff.model_json_schema(),
        "movements": {name: sorted(posted(name)) for name in movements()},
        "currencies": list(caller.tenant.currencies),
        "roles": list(EARNERS),
    }


@router.post("", status_code=201, summary="Set a tariff", responses=changed(TariffSchema, 201))
async def create(
    body: NewTariff, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("tariff.create"))],
) -> JSONResponse:  # fmt: skip
    """Set a tariff. Where terms need a second person it waits, `pending`, for their approval."""
    if body.currency not in caller.tenant.currencies:
        raise _wrong("/currency", f"unknown; {nearest(body.currency, caller.tenant.currencies)}")
    _check(body.movement, body.content)
    key = {"movement": body.movement, "currency": body.currency, "product": body.product}
    made = mint()
    carried = await change(caller, f"{KIND}/{made}", {"key": key, **body.version_body()})
    return JSONResponse(
        tariff_resource(carried.result), 201, headers={"Location": f"/v1/tariffs/{made}"}
    )


@router.get("", summary="List tariffs", responses=answers_with(TariffPage))
async def list_tariffs(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50,
    movement: Annotated[str | None, Query(max_length=60)] = None,
) -> dict[str, Any]:  # fmt: skip
    """The tariffs that have not ended, the newest first."""
    key = key_of(cursor)
    before = identifier(key) if key else None
    wanted = {"movement": movement} if movement is not None else {}
    async with reading(caller) as connection:
        found = await terms.listed(connection, caller.tenant.id, KIND, wanted, before, limit)
    rows = [tariff_resource(one) for one in found]
    return page_of(rows, limit, str(found[-1].id) if found else None)


@router.get("/{tariff}", summary="Read a tariff", responses=answers_with(TariffWithVersions))
async def read_tariff(reading: Reading, tariff: TermId, caller: MayRead) -> dict[str, Any]:
    """The newest version of a tariff, and all of them."""
    found = await _there(reading, caller, tariff)
    told = [tariff_resource(one) for one in found]
    return told[0] | {"versions": told}


@router.put("/{tariff}", summary="Set a tariff's next version",
            responses=changed(TariffSchema, 200, 412))  # fmt: skip
async def put_tariff(
    reading: Reading, tariff: TermId, body: NextTariff, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("tariff.change"))],
) -> dict[str, Any]:  # fmt: skip
    """Versions never change: this adds the next, which begins where the one before ends."""
    found = await _there(reading, caller, tariff)
    _check(found[0].key["movement"], body.content)
    asked = {"version": body.version, **body.version_body()}
    carried = await change(caller, about(KIND, tariff), asked)
    return tariff_resource(carried.result)


@router.post("/{tariff}/decisions", summary="Approve or reject what somebody else set",
             responses=changed(TariffSchema))  # fmt: skip
async def decide_tariff(
    tariff: TermId, body: DecisionBody, caller: MayApprove,
    approve: Annotated[Changing, Depends(Raising("tariff.approve"))],
    reject: Annotated[Changing, Depends(Raising("tariff.reject"))],
) -> dict[str, Any]:  # fmt: skip
    """Put the pending version in force from its moment on, or let it never be."""
    version = await decided(caller, about(KIND, tariff), body, approve, reject)
    return tariff_resource(version)


@router.delete("/{tariff}", summary="End a tariff", responses=changed(TariffSchema, 200, 412))
async def end(
    tariff: TermId, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("tariff.retire"))],
) -> dict[str, Any]:  # fmt: skip
    """It is retired, never erased: at once, or once a second person has approved that."""
    return tariff_resource((await change(caller, about(KIND, tariff))).result)


async def _there(reading: Reading, caller: Caller, tariff: str) -> Sequence[Version]:
    """All versions of the tenant's tariff. Raises Problem not_found."""
    async with reading(caller) as connection:
        found = await terms.versions(connection, caller.tenant.id, identifier(tariff))
    if not found or found[0].kind != KIND:
        raise Problem("not_found")
    return found


def _check(movement: str, content: dict[str, Any]) -> None:
    """The movement is there, and can post whatever the tariff charges. Raises Problem."""
    if movement not in movements():
        raise _wrong("/movement", f"there is no such movement; {nearest(movement, movements())}")
    try:
        charged = read(content).symbols
    except TariffError:
        return  # The change itself tells what is wrong.
    if beyond := sorted(charged - posted(movement)):
        told = f"{movement} has no line for {', '.join(beyond)}: see the template"
        raise _wrong("/content", told)


def posted(movement: str) -> set[str]:
    """The symbols that some line of the movement posts."""
    rules = [step.rule for step in movements()[movement].steps]
    return {symbol for rule in rules for line in rule.lines for symbol in line.amount.terms}


def _wrong(pointer: str, told: str) -> Problem:
    error = {"pointer": pointer, "in": "body", "code": "tariff_invalid", "detail": told}
    return Problem("tariff_invalid", told, errors=[error])
