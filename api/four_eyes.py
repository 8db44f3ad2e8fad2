"""Whether a second person is needed, wherever a tenant may say so; and who asks that none be."""

from typing import Annotated, Any

from fastapi.responses import JSONResponse
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field

from api.security import Caller
from mmo.tenancy.four_eyes import FourEyes


class FourEyesBody(BaseModel):
    """What is wanted from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    four_eyes: Annotated[bool, Field(strict=True, description="Whether two people are needed.")]


class WaiverSchema(BaseModel):
    """That nobody else be needed was asked; it waits for another person to ask the same."""

    four_eyes: bool = Field(description="What was asked.")
    requested_by: str


class FourEyesSchema(BaseModel):
    """Whether a second person is needed now, and what waits to be agreed to."""

    four_eyes: bool
    pending: WaiverSchema | None = Field(
        description="It holds once somebody else sends the same to this address."
    )


async def four_eyes_of(
    policy: FourEyes, connection: AsyncConnection[Any], tenant: int
) -> dict[str, Any]:
    """How the policy stands."""
    needed = await policy.needed(connection, tenant)
    return _resource(needed, await policy.waiver(connection, tenant) if needed else None)


def four_eyes_answer(
    needed: bool, body: FourEyesBody, caller: Caller, address: str
) -> JSONResponse:
    """How it stands after somebody said what they want: 202 where that waits for another."""
    if needed == body.four_eyes:
        return JSONResponse(_resource(needed, None))
    waits = _resource(needed, caller.actor.subject)
    return JSONResponse(waits, 202, headers={"Location": address})


def _resource(needed: bool, requested_by: str | None) -> dict[str, Any]:
    pending = requested_by and {"four_eyes": False, "requested_by": requested_by}
    return {"four_eyes": needed, "pending": pending}
