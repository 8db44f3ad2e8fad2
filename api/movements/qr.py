"""QR codes: what a merchant presents, and what a customer's app has scanned."""

from io import BytesIO
from typing import Annotated, Any, Literal
from uuid import UUID

import phonenumbers
import segno
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.accepting import Door
from api.looking import LookingDoor
from api.problems import Problem
from api.schemas import AmountSchema, answers_with, problems
from api.wallets.reads import MayRead, visible
from mmo.kernel.money import AmountError, Money
from mmo.parties import postgres as parties
from mmo.qr.fields import TEXT_MAX, QrError
from mmo.qr.merchant import LANGUAGE, MerchantCode, read_code, write
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from mmo.wallets import postgres as wallets
from mmo.wallets.wallet import Wallet

router = APIRouter(tags=["wallets"])

MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png", "text": "text/plain"}
SCALE = 8
"""Pixels of a module."""
NOWHERE = "ZZ"
"""Stands for a country that is not known (ISO 3166: for users to assign)."""


class ScannedBody(BaseModel):
    """What a camera read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]


class ScannedSchema(BaseModel):
    """Whom the code asks to pay: what a merchant payment is filled in with."""

    merchant: UUID
    name: str | None = Field(description="As the operator knows the merchant.")
    currency: str
    amount: AmountSchema | None = Field(description="Null: the customer says how much.")
    reference: str | None


@router.get(
    "/wallets/{wallet}/qr", summary="Read a merchant's QR code", response_class=Response,
    responses={
        **problems(),
        200: {"description": "As asked.", "content": {one: {} for one in MEDIA_TYPES.values()}},
    },
)  # fmt: skip
async def read_qr(
    wallet: str, caller: MayRead, opened: LookingDoor,
    amount: Annotated[
        str | None, Query(max_length=20, description="For one payment: how much.")
    ] = None,
    reference: Annotated[
        str | None, Query(max_length=25, description="For one payment: the bill or the till.")
    ] = None,
    form: Annotated[Literal["svg", "png", "text"], Query(alias="format")] = "svg",
) -> Response:  # fmt: skip
    """As EMVCo has it; with an amount or a reference it is dynamic, else static."""
    found = await visible(opened, caller, wallet)
    if found.kind != "merchant":
        raise Problem("no_merchant")
    if found.state == "closed":
        raise Problem("wallet_closed", status=409)
    shown = await opened.personal.show(caller.tenant.slug, found)
    try:
        code = MerchantCode(
            tenant=caller.tenant.slug, wallet=UUID(found.id), currency=found.currency,
            amount=None if amount is None else Money.parse(amount, found.currency),
            reference=reference or "",
        )  # fmt: skip
        text = write(
            code, name=shown.name or "", city=_city(caller.tenant), country=_country(shown.msisdn),
            language=await _language(opened, caller.tenant, found),
        )  # fmt: skip
    except AmountError as error:
        raise Problem("amount_invalid", str(error), status=422) from None
    except QrError as error:
        raise Problem("validation", str(error), status=422) from None
    return Response(_drawn(text, form), media_type=MEDIA_TYPES[form])


@router.post("/qr/decodings", summary="Read what was scanned",
             responses=answers_with(ScannedSchema))  # fmt: skip
async def decode(body: ScannedBody, caller: MayRead, opened: LookingDoor) -> dict[str, Any]:
    """Whom to pay, how much and for what, to be shown and agreed to before anything is paid.

    The name is the operator's own: what stands in the code can be printed by anybody.
    """
    tenant = caller.tenant
    try:
        code = read_code(body.text, tenant.slug, tuple(tenant.currencies))
    except QrError as error:
        raise Problem("qr_invalid", str(error)) from None
    name = str(code.wallet)
    async with scoped(opened.pool, tenant.id) as connection:
        found = (await wallets.find(connection, tenant.id, {name: code.wallet})).get(name)
    if found is None or found.kind != "merchant" or found.state == "closed":
        raise Problem("qr_invalid", "there is no such merchant")
    if found.currency != code.currency:
        raise Problem("qr_invalid", "the merchant takes another currency")
    shown = await opened.personal.show(tenant.slug, found)
    told = code.amount and {"value": code.amount.value, "currency": code.currency}
    return {
        "merchant": found.id,
        "name": shown.name,
        "currency": code.currency,
        "amount": told,
        "reference": code.reference or None,
    }


def _drawn(text: str, form: str) -> bytes:
    """The code as an image, or its text. Who reads it mends damage to some 15 % of it."""
    if form == "text":
        return text.encode()
    image = BytesIO()
    segno.make_qr(text, error="m", encoding="utf-8").save(image, kind=form, scale=SCALE)
    return image.getvalue()


async def _language(opened: Door, tenant: Tenant, wallet: Wallet) -> str:
    """The language of the merchant's party; where there is none, the code's own default."""
    if wallet.party is None:
        return LANGUAGE
    async with scoped(opened.pool, tenant.id) as connection:
        party = await parties.find(connection, tenant.id, UUID(wallet.party))
    return party.language if party else LANGUAGE


def _city(tenant: Tenant) -> str:
    """Where the operator is, by its clock: a code must name a city, and wallets have none."""
    return tenant.timezone.rpartition("/")[2].replace("_", " ")


def _country(msisdn: str | None) -> str:
    """Where the merchant is, by its own number."""
    if msisdn is None:
        return NOWHERE
    region = phonenumbers.region_code_for_number(phonenumbers.parse(msisdn))
    return region if region and region.isalpha() else NOWHERE
