"""One-time authorisation codes: a customer's yes to one payment, given before it is asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from api.changing import Changing, Raising, changed, gone
from api.headers import OpenDoor
from api.looking import LookingDoor
from api.paging import Cursor, Limit, key_of, page_of
from api.pin_proofs import PinProof, check_proof
from api.preparing import Prepared
from api.problems import Problem
from api.schemas import AmountSchema, answers_with
from api.security import Caller, requires
from api.wallets.reads import MayRead, visible
from api.wallets.routes import find_wallet
from mmo.authorisations import postgres as authorisations
from mmo.authorisations.postgres import CodeRow, NewCode
from mmo.kernel.identifiers import mint
from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.keys.codes import Codes
from mmo.movements.merchant_payment import MOVEMENT as MERCHANT_PAYMENT
from mmo.movements.payment_request import RequestPayment
from mmo.movements.support.command import Amount
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets.wallet import Wallet

router = APIRouter(tags=["wallets"])

MayAuthorise = Annotated[Caller, Depends(requires("authorisation-codes:write"))]
LABEL = "mmo-authorisation-v1"
LIFE_S, LIFE_MIN_S, LIFE_MAX_S = 300, 30, 24 * 3600


class NewCodeBody(BaseModel):
    """How much a code is to be good for, and how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: Amount
    amount_type: Literal["exact", "maximum"] = "exact"
    expires_in_s: Annotated[int, Field(strict=True, ge=LIFE_MIN_S, le=LIFE_MAX_S)] = LIFE_S


class CodeSchema(BaseModel):
    """A code as it stands; the digits are told once, when it is made."""

    id: UUID
    wallet: UUID
    amount: AmountSchema
    amount_type: Literal["exact", "maximum"]
    state: Literal["active", "used", "cancelled", "locked", "expired"]
    expires_at: datetime
    made_at: datetime


class CodeMadeSchema(CodeSchema):
    """A code that was just made."""

    code: str


class CodePage(BaseModel):
    """Codes, the newest first, and the cursor of the next page."""

    items: list[CodeSchema]
    next: str | None


class RequestPaymentBody(RequestPayment):
    """A request for payment; with a code it is paid at once, and the customer is not asked."""

    # No caller names a code by its id: the digits prove it.
    authorisation: SkipJsonSchema[None] = None  # pyright: ignore[reportIncompatibleVariableOverride]
    authorisation_code: Annotated[
        SecretStr | None,
        Field(min_length=8, max_length=20, json_schema_extra={"examples": ["4702913586"]}),
    ] = None

    private: ClassVar[frozenset[str]] = frozenset({"authorisation_code"})


class PreparedRequest:
    """Proves the code that a merchant was told, and says which one it is."""

    def __init__(self, request: Request, caller: Caller, body: RequestPaymentBody) -> None:
        self._request = request
        self._caller = caller
        self._body = body
        self.told: Mapping[str, Any] = {}

    async def seen(self) -> str:
        """Whether there is a code: which one is nobody's to remember."""
        return "authorised" if self._body.authorisation_code else ""

    async def prepare(self, movement: UUID) -> Mapping[str, str]:  # noqa: ARG002 - of a port
        """Find the code. Raises Problem authorisation_code_refused: one answer for all."""
        secret = self._body.authorisation_code
        if secret is None:
            return {}
        tenant, pool = self._caller.tenant, self._request.app.state.pool
        wallet = await self._customer()
        async with scoped(pool, tenant.id) as connection:
            tried = await authorisations.attempt(connection, tenant.id, UUID(wallet.id))
        kept = [(one.id, one.code) for one in tried]
        codes = codes_of(self._request)
        found = await codes.found(tenant.slug, kept, secret.get_secret_value())
        row = next((one for one in tried if one.id == found), None)
        if row is None:
            raise Problem("authorisation_code_refused")
        async with scoped(pool, tenant.id) as connection:
            await authorisations.forgive(connection, tenant.id, [one.id for one in tried])
        amount = self._body.amount
        if row.currency != amount.currency or not row.covers(amount.minor):
            raise Problem("authorisation_code_refused", _good_for(row))
        return {"authorisation": str(row.id)}

    async def keep(self, connection: AsyncConnection[Any]) -> None:
        """Nothing is kept: the payment takes its claim of the code."""

    async def _customer(self) -> Wallet:
        name = str(self._body.customer)
        named = await self._request.app.state.door.personal.named(self._caller.tenant.slug, [name])
        async with scoped(self._request.app.state.pool, self._caller.tenant.id) as connection:
            found = await wallets.find(connection, self._caller.tenant.id, named)
        if name not in found:
            raise Problem("wallet_not_found", REFUSALS["wallet_not_found"])
        return found[name]


PREPARED = Prepared(body=RequestPaymentBody, begin=PreparedRequest)


@router.post(
    "/wallets/{wallet}/authorisation-codes", status_code=201,
    summary="Make a code for one payment", responses=changed(CodeMadeSchema, 201),
)  # fmt: skip
async def make_code(
    request: Request, wallet: str, body: NewCodeBody, caller: MayAuthorise, opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("authorisation-code.create"))],
    proof: PinProof = None,
) -> JSONResponse:  # fmt: skip
    """The owner's yes to one payment to whichever merchant is told the code, which is told once."""
    found = await _own(opened, caller, wallet)
    if found.kind != "customer":
        raise Problem("wallet_kind_invalid", f"it is a {found.kind} wallet", status=422)
    if body.amount.currency != found.currency:
        raise Problem("currency_mismatch", f"the wallet is in {found.currency}", status=422)
    identifier = mint()
    await check_proof(request, caller, MERCHANT_PAYMENT.name, found, proof, str(identifier))
    code, kept = await codes_of(request).made(caller.tenant.slug, identifier)
    new = NewCode(
        id=identifier,
        wallet=UUID(found.id),
        amount=body.amount.minor,
        currency=body.amount.currency,
        amount_type=body.amount_type,
        expires_at=datetime.now(UTC) + timedelta(seconds=body.expires_in_s),
        kept=kept,
        made_by=caller.actor.subject,
    )
    about = {"wallet": found.id, "amount_type": body.amount_type}
    carried = await change(caller, f"authorisation-code/{identifier}", about, unkept=new)
    return JSONResponse(resource(carried.result) | {"code": code}, 201)


@router.get("/wallets/{wallet}/authorisation-codes", summary="List codes for payments",
            responses=answers_with(CodePage))  # fmt: skip
async def read_codes(
    wallet: str, caller: MayRead, opened: LookingDoor, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """A wallet's codes, the newest first; never their digits."""
    found = await visible(opened, caller, wallet)
    before = _identifier(key_of(cursor), "cursor_invalid")
    async with scoped(opened.pool, caller.tenant.id) as connection:
        rows = await authorisations.listed(
            connection, caller.tenant.id, UUID(found.id), before, limit
        )
    return page_of([resource(row) for row in rows], limit, rows[-1].id if rows else None)


@router.delete("/wallets/{wallet}/authorisation-codes/{code}", status_code=204,
               summary="Cancel a code", responses=gone())  # fmt: skip
async def cancel_code(
    wallet: str, code: str, caller: MayAuthorise, opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("authorisation-code.cancel"))],
) -> Response:  # fmt: skip
    """It is good for nothing from now on; one that was used stays used."""
    found, identifier = await _own(opened, caller, wallet), _identifier(code, "not_found")
    assert identifier is not None
    async with scoped(opened.pool, caller.tenant.id) as connection:
        row = await authorisations.find(connection, caller.tenant.id, identifier)
    if row is None or str(row.wallet) != found.id:
        raise Problem("not_found")
    await change(caller, f"authorisation-code/{identifier}")
    return Response(status_code=204)


def codes_of(request: Request) -> Codes:
    """What makes and proves codes, out of the composition root's parts."""
    return Codes(request.app.state.keys, LABEL)


def resource(row: CodeRow) -> dict[str, Any]:
    """How a code looks."""
    return {
        "id": str(row.id),
        "wallet": str(row.wallet),
        "amount": {"value": Money(row.amount, row.currency).value, "currency": row.currency},
        "amount_type": row.amount_type,
        "state": row.state(datetime.now(UTC)),
        "expires_at": row.expires_at.isoformat(),
        "made_at": row.made_at.isoformat(),
    }


def _good_for(row: CodeRow) -> str:
    most = "exactly" if row.amount_type == "exact" else "at most"
    return f"the code is good for {most} {Money(row.amount, row.currency)}"


async def _own(opened: Any, caller: Caller, name: str) -> Wallet:
    """The caller's own wallet: nobody says yes for somebody else. Raises Problem."""
    found = await find_wallet(opened, caller, name)
    if found.owner != caller.actor.subject:
        raise Problem("wallet_not_found", REFUSALS["wallet_not_found"], status=404)
    return found


def _identifier(written: str | None, problem: str) -> UUID | None:
    if written is None:
        return None
    try:
        found = UUID(written)
    except ValueError:
        raise Problem(problem) from None
    if str(found) != written:
        raise Problem(problem)
    return found
