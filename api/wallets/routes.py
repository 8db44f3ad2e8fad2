"""Routes that open and change wallets."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.accepting import Door
from api.changing import Changing, Raising, changed
from api.fields import Msisdn, Name
from api.headers import OpenDoor, OptionalIdempotencyKey
from api.problems import Problem
from api.schemas import WalletSchema
from api.scopes import ON_BEHALF
from api.security import Caller, requires
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.changes.support.asked import Carried
from mmo.changes.wallet_commands import body_of
from mmo.changes.wallets import NewWallet
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import REFUSALS
from mmo.movements.support.command import WALLET_PATTERN
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets import products
from mmo.wallets.wallet import KINDS, Wallet

router = APIRouter(tags=["wallets"])
_log = structlog.get_logger()

MayWrite = Annotated[Caller, Depends(requires("wallets:write"))]
_NAME = re.compile(WALLET_PATTERN, re.ASCII)
_KEYS = UUID("6b1f0d3e-6f0c-4f53-9d0a-1d4cf7cf1c55")
"""Namespace of wallet ids that come from an idempotency key."""


OPENED = changed(WalletSchema, 201)
CHANGED = changed(WalletSchema)


class OpenWalletBody(BaseModel):
    """A new wallet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["customer", "agent", "super_agent", "merchant"]
    msisdn: Msisdn
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["KES"])]
    name: Name
    owner: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:@-]{1,80}$",
            description="The subject whose wallet it is. Staff only; else it is the caller.",
        ),
    ] = None
    product: Annotated[
        int | None, Field(ge=1, le=2**31 - 1, description="A product of the wallet's kind.")
    ] = None
    party: Annotated[
        UUID | None,
        Field(description="An active party that may have such wallets; its tier counts. Staff."),
    ] = None


assert set(KINDS) == {"customer", "agent", "super_agent", "merchant"}


async def wallet_of(opened: Door, caller: Caller, wallet: Wallet) -> dict[str, Any]:
    """How a wallet looks to a client; without name and alias where the tenant's key is gone."""
    shown = await opened.personal.show(caller.tenant.slug, wallet)
    return {
        "id": wallet.id,
        "kind": wallet.kind,
        "state": wallet.state,
        "currency": wallet.currency,
        "alias": shown.alias,
        "name": shown.name,
        "owner": wallet.owner,
        "product": wallet.product,
        "party": wallet.party,
        "tier": wallet.tier,
        "version": wallet.version,
        "opened_at": wallet.opened_at.isoformat(),
        "changed_at": wallet.changed_at.isoformat(),
    }


@router.post("/wallets", status_code=201, summary="Open a wallet", responses=OPENED)
async def open_wallet(
    change: Annotated[Changing, Depends(Raising("wallet.open"))],
    body: OpenWalletBody,
    caller: MayWrite,
    opened: OpenDoor,
    key: OptionalIdempotencyKey,
) -> JSONResponse:
    """Open a wallet. With an Idempotency-Key, a repeat answers with the same wallet."""
    staff = ON_BEHALF in caller.scopes
    own = body.kind == "customer" and body.party is None
    if not staff and not (own and body.owner in {None, caller.actor.subject}):
        raise Problem("insufficient_scope", f"needs the scope {ON_BEHALF}")
    if body.currency not in caller.tenant.currencies:
        raise Problem(
            "currency_mismatch", f"{caller.tenant.slug} keeps {', '.join(caller.tenant.currencies)}"
        )
    if body.product is not None:
        async with scoped(opened.pool, caller.tenant.id) as connection:
            product = await products.find(connection, caller.tenant.id, body.product)
        if product is None or product.kind != body.kind:
            raise Problem("product_unknown")
    name = f"{caller.tenant.slug}/{caller.client}/{key}"
    identifier = uuid5(_KEYS, name) if key else mint()
    new = NewWallet(
        kind=body.kind,
        currency=body.currency,
        person=await opened.personal.seal(caller.tenant.slug, identifier, body.msisdn, body.name),
        owner=body.owner if staff else caller.actor.subject,
        product=body.product,
        party=body.party,
    )
    carried = await change(caller, f"wallet/{identifier}", body_of(new))
    name = (await opened.personal.show(caller.tenant.slug, carried.result)).name
    if name != body.name or not _as_asked(carried.result, new):
        raise Problem("idempotency_key_reused")
    return await _answer(opened, caller, carried, 201)


@router.post("/wallets/{wallet}/freeze", summary="Let nothing move in or out", responses=CHANGED)
async def freeze(
    wallet: str,
    caller: MayWrite,
    opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("wallet.freeze"))],
) -> JSONResponse:
    """Freeze a wallet; a frozen one stays frozen."""
    identifier = await changeable(opened, caller, wallet)
    return await _answer(opened, caller, await change(caller, f"wallet/{identifier}"), 200)


@router.post("/wallets/{wallet}/unfreeze", summary="Let money move again", responses=CHANGED)
async def unfreeze(
    request: Request, wallet: str, caller: MayWrite, opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("wallet.unfreeze"))],
) -> JSONResponse:  # fmt: skip
    """Unfreeze somebody else's wallet: staff only, or freezing would mean nothing."""
    if ON_BEHALF not in caller.scopes:
        raise Problem("insufficient_scope", f"needs the scope {ON_BEHALF}")
    found = await find_wallet(opened, caller, wallet)
    identifier = await of_another(request, caller, found, "wallet.unfreeze")
    return await _answer(opened, caller, await change(caller, f"wallet/{identifier}"), 200)


@router.post("/wallets/{wallet}/close", summary="End an empty wallet", responses=CHANGED)
async def close(
    wallet: str,
    caller: MayWrite,
    opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("wallet.close"))],
) -> JSONResponse:
    """Close a wallet that holds nothing; its alias is free afterwards."""
    identifier = await changeable(opened, caller, wallet)
    return await _answer(opened, caller, await change(caller, f"wallet/{identifier}"), 200)


async def of_another(request: Request, caller: Caller, wallet: Wallet, action: str) -> UUID:
    """The wallet's id, if it is somebody else's: staff do not serve themselves.

    Raises Problem own_wallet, which the audit is told of.
    """
    if wallet.owner not in caller.actor.people:
        return UUID(wallet.id)
    audit: AuditLog = request.app.state.audit
    await audit.note(
        Record(
            tenant_id=caller.tenant.id, actor=caller.actor.subject, client=caller.actor.client,
            act=caller.act, action=action, object=f"wallet/{wallet.id}", outcome="refused",
            reason="own_wallet",
        )
    )  # fmt: skip
    _log.warning("alert.own_wallet", action=action, wallet=wallet.id)
    raise Problem("own_wallet")


async def changeable(opened: Door, caller: Caller, name: str) -> UUID:
    """Find the wallet that the caller may change. Raises Problem wallet_not_found (404)."""
    found = await find_wallet(opened, caller, name)
    if found.owner != caller.actor.subject and ON_BEHALF not in caller.scopes:
        raise not_found()
    return UUID(found.id)


async def find_wallet(opened: Door, caller: Caller, name: str) -> Wallet:
    """Find a wallet by the id or alias in a path. Raises Problem wallet_not_found (404)."""
    if not _NAME.fullmatch(name):
        raise not_found()
    named = await opened.personal.named(caller.tenant.slug, [name])
    async with scoped(opened.pool, caller.tenant.id) as connection:
        found = await wallets.find(connection, caller.tenant.id, named)
    if name not in found:
        raise not_found()
    return found[name]


def not_found() -> Problem:
    """A wallet in a path that is not there, or is not the caller's to see."""
    return Problem("wallet_not_found", REFUSALS["wallet_not_found"], status=404)


def _as_asked(wallet: Wallet, new: NewWallet) -> bool:
    party = str(new.party) if new.party else None
    kept = (wallet.kind, wallet.currency, wallet.alias, wallet.owner, wallet.product, wallet.party)
    return kept == (
        new.kind, new.currency, new.person.alias, new.owner, new.product, party,
    )  # fmt: skip


async def _answer(opened: Door, caller: Caller, carried: Carried, status: int) -> JSONResponse:
    wallet: Wallet = carried.result
    headers = {"Projection-Position": carried.position} if carried.position else {}
    if status == 201:  # noqa: PLR2004
        headers["Location"] = f"/v1/wallets/{wallet.id}"
    return JSONResponse(await wallet_of(opened, caller, wallet), status, headers=headers)
