"""The only routes that a PIN may be on: verify, set and change, and a reset by two people."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.identity.administering import identifier
from api.movements import OpenDoor
from api.pin_proofs import vault_of
from api.problems import Problem
from api.schemas import ProofSchema, ResetSchema, answers_with, problems
from api.security import Caller, requires
from api.wallets import find_wallet, not_found
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.identity.pins import PROOF_S, PinInvalidError, PinRefusedError, Tenancy
from mmo.wallets.wallet import Wallet

router = APIRouter(tags=["pins"])

MayUse = Annotated[Caller, Depends(requires("wallets:read"))]
MayWrite = Annotated[Caller, Depends(requires("wallets:write"))]
MayAskReset = Annotated[Caller, Depends(requires("wallets:pin:reset"))]
MayApprove = Annotated[Caller, Depends(requires("wallets:pin:reset:approve"))]
Secret = Annotated[SecretStr, Field(max_length=64, json_schema_extra={"format": "password"})]


class Verification(BaseModel):
    """A PIN, and the request that it is to prove."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wallet: Annotated[str, Field(max_length=60)]
    pin: Secret
    request: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="SHA-256, hex, of the path of the movement, a line feed, and its body.",
        ),
    ]


class NewPin(BaseModel):
    """A new PIN: with the one before, or with the code of an approved reset; the first: neither."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pin: Secret
    current: Secret | None = None
    code: Annotated[SecretStr, Field(max_length=100)] | None = None


@router.post(
    "/pin/verifications", status_code=201, summary="Prove a PIN for one request",
    responses=answers_with(ProofSchema, 201),
)  # fmt: skip
async def verify(request: Request, body: Verification, caller: MayUse) -> JSONResponse:
    """Answer with a proof that is good once, for a minute, for that request alone."""
    wallet = await _own(request, caller, body.wallet)
    try:
        proof = await vault_of(request).prove(
            _tenancy(caller), UUID(wallet.id), body.pin.get_secret_value(),
            subject=caller.actor.subject, request=bytes.fromhex(body.request),
            sources=_sources(request, caller),
        )  # fmt: skip
    except PinRefusedError:
        await _noted(request, caller, "pin.verified", wallet.id, "refused")
        raise Problem("pin_refused") from None
    return JSONResponse(
        {"proof": proof, "expires_in": PROOF_S}, 201, headers={"Cache-Control": "no-store"}
    )


@router.put(
    "/wallets/{wallet}/pin", status_code=204, summary="Set or change a PIN", responses=problems()
)
async def set_pin(
    request: Request, wallet: str, body: NewPin, caller: MayWrite, opened: OpenDoor
) -> Response:
    """Set the first PIN, change it by the one before, or set a new one by the code of a reset."""
    own = await _own(request, caller, wallet)
    vault, tenancy, pin = vault_of(request), _tenancy(caller), body.pin.get_secret_value()
    number = await opened.personal.number(caller.tenant.slug, own)
    try:
        if body.code is not None:
            await vault.reset(tenancy, UUID(own.id), body.code.get_secret_value(), pin, number)
        elif body.current is not None:
            await vault.change(
                tenancy, UUID(own.id), body.current.get_secret_value(), pin, number,
                _sources(request, caller),
            )  # fmt: skip
        elif not await vault.set_first(tenancy, UUID(own.id), pin, number):
            raise Problem("pin_refused")
    except PinRefusedError:
        await _noted(request, caller, "pin.changed", own.id, "refused")
        raise Problem("pin_refused") from None
    except PinInvalidError as error:
        raise Problem(error.code) from None
    await _noted(request, caller, "pin.changed", own.id, "done")
    return Response(status_code=204)


@router.post(
    "/wallets/{wallet}/pin-resets", status_code=201, summary="Ask that a PIN be reset",
    responses=answers_with(ResetSchema, 201),
)  # fmt: skip
async def ask_reset(request: Request, wallet: str, caller: MayAskReset) -> JSONResponse:
    """Somebody else approves it."""
    found = await _any(request, caller, wallet)
    reset = await vault_of(request).ask_reset(
        caller.tenant.id, UUID(found.id), caller.actor.subject
    )
    await _noted(request, caller, "pin.reset_asked", found.id, "done")
    return JSONResponse({"id": str(reset), "wallet": found.id, "code": None}, 201)


@router.post(
    "/pin-resets/{reset}/approve", status_code=201, summary="Approve a reset",
    responses=answers_with(ResetSchema, 201),
)  # fmt: skip
async def approve(request: Request, reset: str, caller: MayApprove) -> JSONResponse:
    """Answer with a code, shown once and good for 15 minutes, that the customer sets a PIN with."""
    code = await vault_of(request).approve_reset(
        caller.tenant.id, identifier(reset), caller.actor.subject
    )
    if code is None:
        raise Problem("maker_may_not")
    await _noted(request, caller, "pin.reset_approved", reset, "done")
    told: dict[str, Any] = {"id": reset, "wallet": None, "code": code}
    return JSONResponse(told, 201, headers={"Cache-Control": "no-store"})


async def _own(request: Request, caller: Caller, name: str) -> Wallet:
    """The caller's own wallet; another's is not there."""
    found = await _any(request, caller, name)
    if found.owner != caller.actor.subject:
        raise not_found()
    return found


async def _any(request: Request, caller: Caller, name: str) -> Wallet:
    return await find_wallet(request.app.state.door, caller, name)


def _tenancy(caller: Caller) -> Tenancy:
    return Tenancy(id=caller.tenant.id, slug=caller.tenant.slug)


def _sources(request: Request, caller: Caller) -> list[str]:
    """What one hand could try many wallets from."""
    address = request.client.host if request.client else "nowhere"
    return [f"subject/{caller.actor.subject}", f"ip/{address}"]


async def _noted(request: Request, caller: Caller, action: str, about: str, outcome: Any) -> None:
    audit: AuditLog = request.app.state.audit
    await audit.note(
        Record(
            tenant_id=caller.tenant.id, actor=caller.actor.subject, client=caller.actor.client,
            act=caller.act, action=action, object=f"wallet/{about}", outcome=outcome,
        )
    )  # fmt: skip
