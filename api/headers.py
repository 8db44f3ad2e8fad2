"""What requests say beside their body: their own name, and how long they want to wait."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request

from api.accepting import Door
from api.contract import REQUIRED
from api.problems import Problem

WAIT_S, WAIT_MAX_S = 10.0, 30.0
_KEY = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_KEY_SCHEMA = {"pattern": "^[!-~]{1,64}$", "examples": ["5f0c6f1e-payment-17"]}
_KEY_MEANS = "Your own name for the request: 1 to 64 visible ASCII."
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])")


async def door(request: Request) -> Door:
    """The door that the composition root put there."""
    opened: Door = request.app.state.door
    return opened


async def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(description=_KEY_MEANS, json_schema_extra={**_KEY_SCHEMA, REQUIRED: True}),
    ] = None,
) -> str:
    """The caller's key. Raises Problem idempotency_key_missing or idempotency_key_invalid."""
    if idempotency_key is None:
        raise Problem("idempotency_key_missing")
    if not _KEY.fullmatch(idempotency_key):
        raise Problem("idempotency_key_invalid")
    return idempotency_key


async def optional_idempotency_key(
    idempotency_key: Annotated[
        str | None, Header(description=_KEY_MEANS, json_schema_extra=_KEY_SCHEMA)
    ] = None,
) -> str | None:
    """The caller's key where they have one. Raises Problem idempotency_key_invalid."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Problem("idempotency_key_invalid")
    return idempotency_key


async def patience(
    prefer: Annotated[
        str | None, Header(description="`respond-async`, or `wait=N` seconds, at most 30.")
    ] = None,
) -> float:
    """How long (seconds) the caller wants to wait for an outcome."""
    if prefer is None:
        return WAIT_S
    if "respond-async" in prefer:
        return 0.0
    wait = _WAIT.search(prefer)
    return min(float(wait[1]), WAIT_MAX_S) if wait else WAIT_S


OpenDoor = Annotated[Door, Depends(door)]
IdempotencyKey = Annotated[str, Depends(idempotency_key)]
OptionalIdempotencyKey = Annotated[str | None, Depends(optional_idempotency_key)]
Patience = Annotated[float, Depends(patience)]
