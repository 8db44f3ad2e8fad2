"""What is said about approvals, for the published contract."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.fields import Line
from api.paging import Moment

TOGETHER_MAX = 50
"""Decisions that one request may give; more of them at once nobody has looked at."""
Note = Annotated[str, Field(max_length=140), Line]


class DecisionBody(BaseModel):
    """What one decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["approve", "reject"]
    note: Note = ""


class DecisionsBody(DecisionBody):
    """The same about several."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=TOGETHER_MAX)]


class SubstituteBody(BaseModel):
    """Who stands in while one is away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    substitute: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@-]{1,80}$")]
    since: Annotated[Moment, Field(alias="from")]
    until: Annotated[Moment, Field(alias="to")]


class AskSchema(BaseModel):
    """So many people, each of whom holds one of the roles."""

    roles: list[str]
    people: int
    expires_s: int
    remind_s: int | SkipJsonSchema[None] = None
    escalate_s: int | SkipJsonSchema[None] = None
    escalate_to: list[str] = []


class DecidedSchema(BaseModel):
    """What one person has decided."""

    subject: str
    choice: Literal["approve", "reject", "cancel"]
    roles: list[str]
    note: str
    at: datetime


class ApprovalSchema(BaseModel):
    """Something that waits for agreement, or has waited."""

    id: UUID
    kind: Literal["movement", "change"]
    event: str
    maker: str
    asks: list[AskSchema]
    decisions: list[DecidedSchema]
    summary: dict[str, Any]
    state: Literal["open", "approved", "rejected", "expired", "cancelled", "refused"]
    opened_at: datetime
    expires_at: datetime
    links: dict[str, str]


class ApprovalPage(BaseModel):
    """What one may decide, the newest first; and the cursor of the next page."""

    items: list[ApprovalSchema]
    next: str | None


class SignedDecisionSchema(BaseModel):
    """A signed decision, and the workflow and signal that take it."""

    workflow: str
    signal: Literal["decide"]
    document: str


class Together(BaseModel):
    """What came of each decision."""

    items: list[dict[str, Any]]


class SubstituteSchema(BaseModel):
    """Who stands in for whom, from when until when."""

    absent: str
    substitute: str
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")


class Substitutes(BaseModel):
    """One's own absence, and those whom one stands in for."""

    items: list[SubstituteSchema]
