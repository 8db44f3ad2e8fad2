"""The only routes that a PIN may be on: verify, set and change, and a reset by two people."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.changing import Changing, Raising, changed, gone
from api.fields import identifier
from api.headers import OpenDoor
from api.pin_proofs import vault_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import ProofSchema, ResetSchema, answers_with
from api.security import Caller, requires
from api.wallets.routes import find_wallet, not_found, of_another
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.changes import pins
from mmo.identity import pin_rows
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
    "/wallets/{wallet}/pin", status_code=204, summary="Set or change a PIN", responses=gone()
)
async def set_pin(
    request: Request, wallet: str, body: NewPin, caller: MayWrite, opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("pin.set"))],
) -> Response:  # fmt: skip
    """Set the first PIN, change it by the one before, or set a new one by the code of a reset."""
    own = await _own(request, caller, wallet)
    number = await opened.personal.number(caller.tenant.slug, own)
    try:
        made = await _made(request, caller, own, body, number)
        await change(caller, f"wallet/{own.id}", unkept=made)
    except PinInvalidError as error:
        raise Problem(error.code) from None
    except (PinRefusedError, Problem) as error:
        if isinstance(error, Problem) and error.code != "pin_refused":
            raise
        await _noted(request, caller, "pin.set", own.id, "refused")
        raise Problem("pin_refused") from None
    return Response(status_code=204)


async def _made(
    request: Request, caller: Caller, own: Wallet, body: NewPin, number: str
) -> pins.NewPin:
    """What is to be kept of the PIN. Raises PinInvalidError, PinRefusedError."""
    vault, tenancy, wallet = vault_of(request), _tenancy(caller), UUID(own.id)
    pin = body.pin.get_secret_value()
    if body.code is not None:
        kept = await vault.made(tenancy, wallet, pin, number)
        return pins.NewPin(kept=kept, by="code", code=body.code.get_secret_value())
    if body.current is not None:
        former, sources = body.current.get_secret_value(), _sources(request, caller)
        await vault.verify(tenancy, wallet, former, sources)
        return pins.NewPin(kept=await vault.made(tenancy, wallet, pin, number), by="former")
    first = await vault.made_first(tenancy, wallet, pin, number)
    if first is None:
        raise PinRefusedError
    return pins.NewPin(kept=first, by="nothing")


@router.post(
    "/wallets/{wallet}/pin-resets", status_code=201, summary="Ask that a PIN be reset",
    responses=changed(ResetSchema, 201),
)  # fmt: skip
async def ask_reset(
    request: Request, wallet: str, caller: MayAskReset,
    change: Annotated[Changing, Depends(Raising("pin.ask-reset"))],
) -> JSONResponse:  # fmt: skip
    """Somebody else approves it."""
    found = await _any(request, caller, wallet)
    await of_another(request, caller, found, "pin.ask-reset")
    reset = (await change(caller, f"wallet/{found.id}")).result
    return JSONResponse({"id": str(reset), "wallet": found.id, "code": None}, 201)


@router.post(
    "/pin-resets/{reset}/approve", status_code=201, summary="Approve a reset",
    responses=changed(ResetSchema, 201),
)  # fmt: skip
async def approve(
    request: Request, reading: Reading, reset: str, caller: MayApprove,
    change: Annotated[Changing, Depends(Raising("pin.approve-reset"))],
) -> JSONResponse:  # fmt: skip
    """Answer with a code, shown once and good for 15 minutes, that the customer sets a PIN with."""
    named = identifier(reset)
    async with reading(caller) as connection:
        wallet = await pin_rows.wallet_of(connection, caller.tenant.id, named)
    if wallet is None:
        raise Problem("maker_may_not")
    found = await _any(request, caller, str(wallet))
    await of_another(request, caller, found, "pin.approve-reset")
    carried = await change(caller, f"wallet/{wallet}", {"reset": str(named)})
    told: dict[str, Any] = {"id": reset, "wallet": None, "code": carried.secret}
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
