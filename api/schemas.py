"""What answers look like, for the published contract; the answers themselves are plain dicts."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

PROBLEMS_OF_A_ROUTE = (400, 401, 403, 404, 409, 413, 415, 422, 503)


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for the contract."""
    return {
        status: {"description": "A problem (RFC 9457)."} for status in (*PROBLEMS_OF_A_ROUTE, *more)
    }


def answers_with(
    model: type[BaseModel], status: int = 200, *more: int
) -> dict[int | str, dict[str, Any]]:
    """What a route may answer, for the contract; `more`: further statuses of problems."""
    return {status: {"description": "As asked.", "model": model}, **problems(*more)}


def downloads(media_type: str, *more: int) -> dict[int | str, dict[str, Any]]:
    """The same for a route that answers with a file."""
    return {200: {"description": "As asked.", "content": {media_type: {}}}, **problems(*more)}


State = Literal[
    "accepted",
    "pending_approval",
    "pending_partner",
    "unknown",
    "posted",
    "refused",
    "reversed",
    "partially_refunded",
]


class AmountSchema(BaseModel):
    """Money: a plain decimal in the currency's own digits."""

    value: str = Field(examples=["1000.00"])
    currency: str = Field(examples=["KES"])


class ChargeSchema(AmountSchema):
    """A fee or a tax, by the symbol of the posting rule."""

    symbol: str
    borne_by: Literal["payer", "payee", "operator"]


class RefusalSchema(BaseModel):
    """Why a movement was refused."""

    code: str
    reason: str
    details: dict[str, Any]


class LinksSchema(BaseModel):
    """Where the movement and its timeline are."""

    self: str
    timeline: str
    original: str | SkipJsonSchema[None] = Field(
        None, description="Of what takes back: what it undoes."
    )
    taken_back_by: list[str] | SkipJsonSchema[None] = Field(
        None, description="Reversals and refunds of it; told where one movement is read."
    )


class MovementSchema(BaseModel):
    """A movement."""

    id: UUID
    type: str
    state: State
    amount: AmountSchema
    parties: dict[str, UUID] = Field(description="Role → wallet.")
    fees: list[ChargeSchema]
    taxes: list[ChargeSchema]
    note: str | None = None
    code: str | SkipJsonSchema[None] = Field(
        None, description="A voucher's, told once: in the first answer to who sends it."
    )
    requested_at: datetime
    expires_at: datetime | None = Field(
        None, description="Until when it waits for an answer; the list leaves it out."
    )
    posted_at: datetime | None
    reference: str | None = Field(description="The journal number, once posted.")
    refusal: RefusalSchema | None
    links: LinksSchema


class MovementPage(BaseModel):
    """A page of movements, the newest first; `next` is the cursor of the page after it."""

    items: list[MovementSchema]
    next: str | None


class TimelineLine(BaseModel):
    """One thing that happened."""

    at: datetime
    kind: str
    title: str
    actor: str | None
    detail: dict[str, Any]


class TimelineSchema(BaseModel):
    """What happened to a movement, the oldest first."""

    movement: UUID
    items: list[TimelineLine]


class WalletSchema(BaseModel):
    """A wallet."""

    id: UUID
    kind: str
    state: Literal["active", "frozen", "closed"]
    currency: str
    alias: str | None
    name: str | None
    owner: str | None
    product: int | None
    party: UUID | None
    tier: int = Field(description="Of KYC, 0 to 3: the party's; 1 where it has none.")
    version: int
    opened_at: datetime
    changed_at: datetime


class BalanceSchema(BaseModel):
    """What a wallet holds, as far as the read model has come (`position`)."""

    wallet: UUID
    available: str
    posted: str
    held: str
    currency: str
    as_of: datetime
    position: str


class StatementLine(BaseModel):
    """One entry of a wallet's account: what it gained, and the balance right after."""

    number: int
    at: datetime
    movement: UUID
    type: str
    role: str
    parties: dict[str, UUID]
    amount: str
    balance: str
    currency: str
    reference: str


class StatementPage(BaseModel):
    """A page of a statement, the newest line first."""

    wallet: UUID
    items: list[StatementLine]
    next: str | None


class ProofSchema(BaseModel):
    """A proof of a PIN, for the header PIN-Proof; seconds that it is good for."""

    proof: str
    expires_in: int


class ResetSchema(BaseModel):
    """A reset of a PIN; the code is shown once, to whoever approves it."""

    id: UUID
    wallet: UUID | None
    code: str | None
