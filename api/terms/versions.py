"""Dated terms: what routes of every kind of them share, and whether they need a second person."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.changing import ChangeSchema, Changing, Raising, changed
from api.fields import Name, identifier
from api.four_eyes import FourEyesBody, FourEyesSchema, four_eyes_answer, four_eyes_of
from api.paging import Moment, moment
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.dated.postgres import FOUR_EYES, Version

router = APIRouter(prefix="/terms", tags=["tariffs"])
NUMBER_MAX = 2**31 - 1
Number = Annotated[int, Field(strict=True, ge=1, le=NUMBER_MAX)]
TermId = Annotated[str, Path(max_length=40, description="The definition's id.")]


class TermBody(BaseModel):
    """What a version says, and from when until when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Name
    content: dict[str, Any] = Field(description="See docs/operate, and the template.")
    since: Moment | None = Field(default=None, description="Null: when it is approved.")
    until: Moment | None = Field(default=None, description="Null: until the next version begins.")

    def version_body(self) -> dict[str, Any]:
        """What the change of a version is asked with."""
        return {
            "title": self.title,
            "content": self.content,
            "since": moment(self.since),
            "until": moment(self.until),
        }


class NextTerm(TermBody):
    """The next version."""

    version: Number = Field(description="The newest number that the caller knows.")


class TermDecisionBody(BaseModel):
    """A yes or no to the version that waits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Number
    decision: Literal["approve", "reject"]


class VersionSchema(BaseModel):
    """A version of terms."""

    id: UUID
    number: int
    title: str
    state: Literal["pending", "active", "rejected", "withdrawn", "retired"] = Field(
        description="active: in force between since and until. withdrawn: it never began."
    )
    wanted: Literal["active", "retired"] = Field(description="retired: it ends the definition.")
    content: dict[str, Any]
    since: datetime | None
    until: datetime | None
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def resource(version: Version) -> dict[str, Any]:
    """How a version of terms looks, whatever they are for."""
    return {
        "id": str(version.id),
        "number": version.number,
        "title": version.title,
        "state": version.state,
        "wanted": version.wanted,
        "content": version.content,
        "since": moment(version.since),
        "until": moment(version.until),
        "made_by": version.made_by,
        "made_at": moment(version.made_at),
        "decided_by": version.decided_by,
        "decided_at": moment(version.decided_at),
    }


def about(name: str, definition: str) -> str:
    """The object of a change of terms. Raises Problem not_found for what is no id."""
    return f"{name}/{identifier(definition)}"


async def decided(
    caller: Caller, what: str, body: TermDecisionBody, approve: Changing, reject: Changing
) -> Version:
    """Approve or reject the version that waits; what it is then. Raises Problem, ParkedError."""
    change = approve if body.decision == "approve" else reject
    version: Version = (await change(caller, what, {"number": body.number})).result
    return version


_WAITS = {"description": "It waits for others.", "model": FourEyesSchema | ChangeSchema}


@router.get("/four-eyes", summary="Read whether terms need a second person",
            responses=answers_with(FourEyesSchema))  # fmt: skip
async def read_four_eyes(
    reading: Reading, caller: Annotated[Caller, Depends(requires("tariffs:read"))]
) -> dict[str, Any]:
    """One policy for tariffs and all other dated terms, and who asks that none be needed."""
    async with reading(caller) as connection:
        return await four_eyes_of(FOUR_EYES, connection, caller.tenant.id)


@router.put("/four-eyes", summary="Say whether terms need a second person",
            responses=changed(FourEyesSchema) | {202: _WAITS})  # fmt: skip
async def put_four_eyes(
    body: FourEyesBody,
    caller: Annotated[Caller, Depends(requires("tariffs:approve"))],
    change: Annotated[Changing, Depends(Raising("terms.govern"))],
) -> JSONResponse:
    """Let terms need a second person, or none: that two people must say, one after the other.

    The first one's wish is 202 and waits; whoever reads the policy sees it.
    """
    carried = await change(caller, "terms/four-eyes", body.model_dump())
    return four_eyes_answer(carried.result, body, caller, "/v1/terms/four-eyes")
