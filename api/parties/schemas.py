"""What parties look like, for the published contract."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from mmo.parties.document import Document


class PersonSchema(BaseModel):
    """Somebody's data: whole, or masked for whoever may not read it."""

    name: str
    msisdn: str
    birth_date: date | None
    address: str | None
    national_id: str | None
    masked: bool


class StoreSchema(BaseModel):
    """A store of a merchant."""

    id: UUID
    name: str
    state: Literal["open", "closed"]


class KycDocumentSchema(BaseModel):
    """A document of KYC that is on file."""

    id: UUID
    type: str
    country: str
    expires: date | None = Field(description="Its last day.")
    expired: bool
    sha256: str
    size: int = Field(description="Bytes.")
    media_type: str
    added_at: datetime

    @classmethod
    def of(cls, document: Document, today: date) -> "KycDocumentSchema":
        """How a document looks on a day."""
        return cls(**asdict(document), expired=document.expired(today))


class PartySchema(BaseModel):
    """A party."""

    id: UUID
    kind: str
    state: Literal["registered", "active", "suspended", "closed"]
    tier: int
    kyc: Literal["unverified", "verified", "rejected"]
    parent: UUID | None
    office: UUID | None
    person: PersonSchema | None = Field(description="Null where the tenant's key is destroyed.")
    language: str
    stores: list[StoreSchema]
    documents: list[KycDocumentSchema]
    version: int
    registered_at: datetime
    changed_at: datetime


class PartyPage(BaseModel):
    """Parties, and the cursor of the next page."""

    items: list[PartySchema]
    next: str | None


class NodeSchema(BaseModel):
    """A party below another; `depth` counts from 1."""

    id: UUID
    kind: str
    state: str
    parent: UUID
    depth: int


class TreeSchema(BaseModel):
    """Whoever stands below a party, level by level."""

    party: UUID
    items: list[NodeSchema]
    more: bool = Field(description="Whether there are more than 1,000.")
