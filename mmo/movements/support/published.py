"""What the events of movements say, as typed models: written by movements.post, read by anybody."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Published(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedAmount(_Published):
    """Money on the wire."""

    value: str = Field(examples=["1000.00"])
    currency: str = Field(examples=["KES"])


class PublishedLeg(_Published):
    """One line of the posting; minor units, credit-positive."""

    account: int
    role: str = Field(examples=["payer", "OP.FEES"])
    amount: int
    entry: int = Field(description="The number of the account's entry, in the ledger's order.")
    balance: int | None = Field(description="Right after the entry; null on a deferred account.")


class PublishedHold(_Published):
    """What was set aside (positive) or is free again (negative), in minor units."""

    account: int
    amount: int


class BusinessEventName(_Published):
    """Which entity, and what was done to it."""

    entity: str
    action: str


class TakesBack(_Published):
    """Which movement comes back, and by how much of how much; minor units."""

    original: UUID
    amount_minor: int
    of_minor: int
    fees: Literal["returned", "kept"]
    legs: dict[str, int] = Field(description="Account → what changes there.")


class LienTold(_Published):
    """What a wallet still owes; minor units, 0 where the lien is lifted."""

    account: int
    wallet: UUID
    left: int


class MovementEvent(_Published):
    """One recorded step of a movement, in full: folding the events gives every read model."""

    movement: UUID
    type: str = Field(examples=["p2p-transfer"])
    step: int
    business_event: BusinessEventName
    outcome: Literal["posted", "held", "released", "refused"]
    state: str = Field(description="The movement's state after the step.")
    amount: PublishedAmount
    amount_minor: int
    parties: dict[str, UUID] = Field(description="Role → wallet.")
    prices: dict[str, int] = Field(description="Symbol of the posting rule → minor units.")
    legs: list[PublishedLeg]
    held: list[PublishedHold]
    journal: int
    refusal: str | None
    detail: dict[str, Any] | None
    because: str = Field(description="The refusal that the step gives back for; else empty.")
    requested_at: datetime
    client: str
    lien: LienTold | None = Field(None, description="What a wallet owes to it from then on.")
    takes_back: TakesBack | None = Field(None, description="Of what undoes another movement.")
    record: dict[str, Any] = Field(description="The decision record, as the journal keeps it.")
