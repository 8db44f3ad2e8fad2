"""Routes that register parties and change what is known of them."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.fields import BirthDate, Line, Msisdn, Name, Why, identifier
from api.headers import OptionalIdempotencyKey
from api.identity.administering import Version
from api.parties.schemas import KycDocumentSchema, PartySchema
from api.problems import Problem
from api.reading import Read, Reading
from api.security import Caller, requires
from mmo.changes.parties import PARTY, NewParty
from mmo.changes.party_commands import body_of
from mmo.changes.support.asked import Carried
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import REFUSALS
from mmo.parties import postgres as parties
from mmo.parties.party import WALLETS, Party
from mmo.parties.personal import PartyData, Person

router = APIRouter(prefix="/parties", tags=["parties"])

MayRead = Annotated[Caller, Depends(requires("parties:read"))]
MayWrite = Annotated[Caller, Depends(requires("parties:write"))]
PERSONAL = "parties:personal"
CHANGED = changed(PartySchema)
_KEYS = UUID("0f6cf2c6-4f0e-4c58-9f0a-4a1f9a3f7c21")
"""Namespace of party ids that come from an idempotency key."""
_SHOWN_DIGITS = 3


async def party_data(request: Request) -> PartyData:
    """What seals and opens, as the composition root put it there."""
    opened: PartyData = request.app.state.parties
    return opened


Opened = Annotated[PartyData, Depends(party_data)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Address = Annotated[str, Field(min_length=1, max_length=200), Line]


class PersonBody(_Body):
    """Somebody's data; of a business, its name and where it is reached."""

    name: Name
    msisdn: Msisdn
    birth_date: Annotated[BirthDate | None, Field(examples=["1990-02-28"])] = None
    address: Address | None = None
    national_id: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9/-]{3,40}$")] = None

    def person(self) -> Person:
        return Person(**self.model_dump())


Language = Annotated[str, Field(pattern="^[a-z]{2,3}$", examples=["sw"])]


class RegisterBody(_Body):
    """A new party."""

    kind: Literal["subscriber", "agent", "super_agent", "merchant", "organisation"]
    person: PersonBody
    language: Language = "en"
    parent: Annotated[UUID | None, Field(description="The super-agent above.")] = None
    office: UUID | None = None


assert set(WALLETS) == {"subscriber", "agent", "super_agent", "merchant", "organisation"}


class PartyChangeBody(_Body):
    """What is known of a party from now on."""

    person: PersonBody
    language: Language


class WhyBody(_Body):
    """Why it is done; it is recorded."""

    reason: Why


class VerifyBody(WhyBody):
    """How well the identity is proved: 1 basic, 2 with documents, 3 in full."""

    tier: Annotated[int, Field(ge=1, le=3)]


class MoveBody(_Body):
    """Who shall stand above; null: nobody."""

    parent: UUID | None


class AssignOfficeBody(_Body):
    """Which office shall look after it; null: none."""

    office: UUID | None


async def party_of(opened: PartyData, caller: Caller, party: Party) -> dict[str, Any]:
    """How a party looks to a client; what is personal only to whoever may read it."""
    person = await opened.show(caller.tenant.slug, party)
    return {
        "id": party.id,
        "kind": party.kind,
        "state": party.state,
        "tier": party.tier,
        "kyc": party.kyc,
        "parent": party.parent,
        "office": party.office,
        "person": person and _shown(person, whole=PERSONAL in caller.scopes),
        "language": party.language,
        "stores": [asdict(one) for one in party.stores],
        "documents": [
            KycDocumentSchema.of(one, today(caller)).model_dump(mode="json")
            for one in party.documents
        ],
        "version": party.version,
        "registered_at": party.registered_at.isoformat(),
        "changed_at": party.changed_at.isoformat(),
    }


def today(caller: Caller) -> date:
    """The date where the tenant is: documents expire by it."""
    return datetime.now(UTC).astimezone(ZoneInfo(caller.tenant.timezone)).date()


def _shown(person: Person, *, whole: bool) -> dict[str, Any]:
    if whole:
        born = person.birth_date and person.birth_date.isoformat()
        return {
            "name": person.name, "msisdn": person.msisdn, "birth_date": born,
            "address": person.address, "national_id": person.national_id, "masked": False,
        }  # fmt: skip
    number = "*" * (len(person.msisdn) - _SHOWN_DIGITS) + person.msisdn[-_SHOWN_DIGITS:]
    return {
        "name": person.name[0] + "***", "msisdn": number, "birth_date": None, "address": None,
        "national_id": None, "masked": True,
    }  # fmt: skip


async def find_party(reading: Read, caller: Caller, name: str) -> Party:
    """Find a party by the id in a path. Raises Problem party_not_found (404)."""
    try:
        sought = identifier(name)
    except Problem:
        raise not_found() from None
    async with reading(caller) as connection:
        found = await parties.find(connection, caller.tenant.id, sought)
    if found is None:
        raise not_found()
    return found


def not_found() -> Problem:
    """A party in a path that is not there."""
    return Problem("party_not_found", REFUSALS["party_not_found"], status=404)


@router.post("", status_code=201, summary="Register a party", responses=changed(PartySchema, 201))
async def register(
    body: RegisterBody,
    caller: MayWrite,
    opened: Opened,
    reading: Reading,
    key: OptionalIdempotencyKey,
    change: Annotated[Changing, Depends(Raising("party.register"))],
) -> JSONResponse:
    """Register a party. With an Idempotency-Key, a repeat answers with the same party."""
    named = f"{caller.tenant.slug}/{caller.client}/{key}"
    number = uuid5(_KEYS, named) if key else mint()
    person = body.person.person()
    sealed = await opened.seal(caller.tenant.slug, number, person)
    new = NewParty(
        kind=body.kind, person=sealed.person, alias=sealed.alias, language=body.language,
        parent=body.parent, office=body.office,
    )  # fmt: skip
    carried = await change(caller, f"party/{number}", body_of(new))
    if not carried.position:
        async with reading(caller) as connection:
            begun = await PARTY.as_begun(connection, caller.tenant.id, number)
        kept = await opened.show(caller.tenant.slug, begun)
        if (kept, *_placed(begun)) != (person, *_placed(new)):
            raise Problem("idempotency_key_reused")
    return await answer(opened, caller, carried, 201)


@router.put("/{party}", summary="Change a party's contact data",
            responses=changed(PartySchema, 200, 412))  # fmt: skip
async def put_party(
    party: str, body: PartyChangeBody, caller: MayWrite, opened: Opened, reading: Reading,
    version: Version, change: Annotated[Changing, Depends(Raising("party.change"))],
) -> JSONResponse:  # fmt: skip
    """Give a party other contact data, or another language."""
    found = await find_party(reading, caller, party)
    if PERSONAL not in caller.scopes:
        raise Problem("insufficient_scope", f"needs the scope {PERSONAL}")
    sealed = await opened.seal(caller.tenant.slug, UUID(found.id), body.person.person())
    person = {"person": sealed.person, "alias": sealed.alias}
    asked = {"person": person, "language": body.language, "version": version}
    return await answer(opened, caller, await change(caller, f"party/{found.id}", asked), 200)


@router.post("/{party}/activate", summary="Activate a party", responses=CHANGED)
async def activate(
    party: str, caller: MayWrite, opened: Opened, reading: Reading,
    change: Annotated[Changing, Depends(Raising("party.activate"))],
) -> JSONResponse:  # fmt: skip
    """Let a registered party have wallets."""
    found = await find_party(reading, caller, party)
    return await answer(opened, caller, await change(caller, f"party/{found.id}"), 200)


def _route(action: str, summary: str, model: type[BaseModel], event: str, about: str) -> None:
    """A route whose body is, member by member, that of the change."""

    async def carry_out(
        party: str, body: Any, caller: MayWrite, opened: Opened, reading: Reading,
        change: Annotated[Changing, Depends(Raising(event))],
    ) -> JSONResponse:  # fmt: skip
        found = await find_party(reading, caller, party)
        asked = body.model_dump(mode="json")
        return await answer(opened, caller, await change(caller, f"party/{found.id}", asked), 200)

    carry_out.__annotations__["body"] = model
    carry_out.__name__, carry_out.__doc__ = action.replace("-", "_"), about
    router.post(f"/{{party}}/{action}", summary=summary, responses=CHANGED)(carry_out)


for _action, _summary, _model, _about in (
    ("suspend", "Suspend a party", WhyBody, "Freeze a party's wallets with it."),
    ("resume", "Resume a party", WhyBody, "Unfreeze what was frozen with it, and no other."),
    ("close", "Close a party", WhyBody, "End a party whose wallets are all closed."),
    ("verify", "Verify a party's identity", VerifyBody, "Its wallets have the tier at once."),
    ("reject-kyc", "Reject a party's identity", WhyBody, "Its wallets have tier 0 at once."),
    ("move", "Put a party below another", MoveBody, "Whoever is below it moves along."),
    ("assign-office", "Let an office look after a party", AssignOfficeBody, "Or none."),
):
    _route(_action, _summary, _model, f"party.{_action}", _about)


def _placed(party: Party | NewParty) -> tuple[str | None, ...]:
    """What a repeat must ask for again, beside the person."""
    places = (str(one) if one else None for one in (party.parent, party.office))
    return (party.kind, party.language, *places)


async def answer(opened: PartyData, caller: Caller, carried: Carried, status: int) -> JSONResponse:
    """The party as it is now, with its version as ETag."""
    party: Party = carried.result
    headers = {"ETag": f'"{party.version}"'}
    if carried.position:
        headers["Projection-Position"] = carried.position
    if status == 201:  # noqa: PLR2004
        headers["Location"] = f"/v1/parties/{party.id}"
    return JSONResponse(await party_of(opened, caller, party), status, headers=headers)
