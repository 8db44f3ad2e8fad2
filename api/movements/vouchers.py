"""Vouchers: sent to a number without a wallet, and paid out by agents for the code."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.changing import Changing, Raising, gone
from api.fields import Msisdn
from api.headers import OpenDoor, Patience
from api.movements.answering import Given, check_joined, may_answer, parties_at, send, settled
from api.movements.answers import MovementIdentifier
from api.movements.routes import ANSWERS, answer
from api.preparing import Prepared
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.scopes import READ_ALL
from api.security import Caller, requires
from mmo.kernel.refusals import REFUSALS
from mmo.keys.personal import BY_NUMBER
from mmo.movements.support.command import WalletRef
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.vouchers import paid_at
from mmo.movements.voucher import REDEMPTION, SendVoucher
from mmo.tenancy.scope import scoped
from mmo.vouchers import postgres as vouchers
from mmo.vouchers.postgres import TRIES_MAX, VoucherRow
from mmo.vouchers.secrets import VoucherSecrets
from mmo.wallets import postgres as wallets

router = APIRouter(prefix="/vouchers", tags=["movements"])

MayRedeem = Annotated[Caller, Depends(requires(REDEMPTION.scope))]
MayRead = Annotated[Caller, Depends(requires("movements:read"))]
MayUnlock = Annotated[Caller, Depends(requires("vouchers:unlock"))]


class VoucherBody(SendVoucher):
    """A voucher, and the number that it is for."""

    recipient: Msisdn

    private: ClassVar[frozenset[str]] = frozenset({"recipient"})


class RedemptionBody(BaseModel):
    """What the recipient shows an agent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    msisdn: Msisdn
    code: Annotated[
        SecretStr,
        Field(min_length=8, max_length=20, json_schema_extra={"examples": ["4702913586"]}),
    ]
    agent: WalletRef


class VoucherSchema(BaseModel):
    """For whom a voucher is, and whether codes may be tried."""

    movement: UUID
    recipient: str
    tries_left: int
    locked: bool


class PreparedVoucher:
    """Looks whether the number has no wallet, and makes the code that is told once."""

    def __init__(self, request: Request, caller: Caller, body: VoucherBody) -> None:
        self._secrets = secrets_of(request)
        self._pool = request.app.state.pool
        self._tenant = caller.tenant
        self._body = body
        self._row: VoucherRow | None = None
        self.told: Mapping[str, Any] = {}

    async def seen(self) -> str:
        """The blind index of the recipient's number."""
        return await self._secrets.index(self._tenant.slug, self._body.recipient)

    async def prepare(self, movement: UUID) -> Mapping[str, str]:
        """Make the code. Raises Problem recipient_registered."""
        index = await self.seen()
        async with scoped(self._pool, self._tenant.id) as connection:
            name = f"{BY_NUMBER}{self._body.recipient}"
            if await wallets.find(connection, self._tenant.id, {name: index}):
                raise Problem("recipient_registered", REFUSALS["recipient_registered"])
        code, self._row = await self._secrets.made(
            self._tenant.slug, movement, self._body.recipient, self._body.amount.currency
        )
        self.told = {"code": code}
        return {}

    async def keep(self, connection: AsyncConnection[Any]) -> None:
        """Keep the number and the code's MAC."""
        assert self._row is not None, "it was prepared"
        await vouchers.add(connection, self._tenant.id, self._row)


PREPARED = Prepared(body=VoucherBody, begin=PreparedVoucher)


@router.post(
    "/redemptions", status_code=201, summary="Pay a voucher out for its code",
    responses=ANSWERS,
)  # fmt: skip
async def redeem(
    request: Request, body: RedemptionBody, caller: MayRedeem, opened: OpenDoor, wait_s: Patience
) -> JSONResponse:
    """Find the voucher by its number and code, and let the agent have it for the cash.

    A repeat of what this agent paid out is answered as the first one.
    """
    row, agent = await _proved(request, caller, opened, body)
    if row.state == "posted":
        return await _answered(caller, opened, row, agent, answer(row, row.outcome, replayed=True))
    given = Given(choice="redeem", joined={"agent": agent})
    await send(request, caller, row, REDEMPTION, given)
    return await _answered(caller, opened, row, agent, await settled(opened, row, wait_s))


async def _proved(
    request: Request, caller: Caller, opened: OpenDoor, body: RedemptionBody
) -> tuple[CommandRow, str]:
    """The voucher, and the id of the agent's wallet. One answer for all that does not fit."""
    named = await opened.personal.named(caller.tenant.slug, [str(body.agent)])
    async with scoped(opened.pool, caller.tenant.id) as connection:
        agents = await wallets.find(connection, caller.tenant.id, named)
    agent = agents.get(str(body.agent))
    if agent is None:
        raise Problem("wallet_not_found", REFUSALS["wallet_not_found"])
    may_answer(REDEMPTION, {"agent": agent}, caller)
    secrets = secrets_of(request)
    index = await secrets.index(caller.tenant.slug, body.msisdn)
    async with scoped(opened.pool, caller.tenant.id) as connection:
        tried = await vouchers.attempt(connection, caller.tenant.id, index)
    kept = [(one.movement_id, one.code) for one in tried]
    found = await secrets.codes.found(caller.tenant.slug, kept, body.code.get_secret_value())
    row = await opened.commands.find(caller.tenant.id, found) if found else None
    if row is None:
        raise Problem("voucher_refused")
    async with scoped(opened.pool, caller.tenant.id) as connection:
        tried_ids = [one.movement_id for one in tried]
        await vouchers.forgive(connection, caller.tenant.id, tried_ids)
    if not row.state.startswith("pending") and row.state != "posted":
        raise Problem("voucher_refused")
    parties = await parties_at(opened, caller, row, {"agent": agent.id})
    check_joined(REDEMPTION, parties, row)
    return row, agent.id


async def _answered(
    caller: Caller, opened: OpenDoor, row: CommandRow, agent: str, said: JSONResponse
) -> JSONResponse:
    """The answer, where this agent was paid or nobody was: another one's is no ground for cash."""
    async with scoped(opened.pool, caller.tenant.id) as connection:
        paid = await paid_at(connection, caller.tenant.id, row.movement_id)
    if said.status_code == ANSWERED and paid != agent:
        raise Problem("voucher_refused")
    return said


ANSWERED = 201


@router.get("/{movement_id}", summary="For whom it is", responses=answers_with(VoucherSchema))
async def read_voucher(
    request: Request, movement_id: MovementIdentifier, caller: MayRead, opened: OpenDoor,
    read: Reading,
) -> dict[str, Any]:  # fmt: skip
    """Tell the sender, and staff, for which number a voucher is."""
    row = await opened.commands.find(caller.tenant.id, movement_id)
    async with read(caller) as connection:
        kept = await vouchers.find(connection, caller.tenant.id, movement_id)
    if row is None or kept is None or not await _sees(caller, opened, row):
        raise Problem("movement_not_found")
    return {
        "movement": str(movement_id),
        "recipient": await secrets_of(request).number(caller.tenant.slug, kept),
        "tries_left": TRIES_MAX - kept.tries,
        "locked": kept.tries >= TRIES_MAX,
    }


async def _sees(caller: Caller, opened: OpenDoor, row: CommandRow) -> bool:
    sender = (await parties_at(opened, caller, row))["payer"]
    return READ_ALL in caller.scopes or caller.actor.subject in {row.actor, sender.owner}


@router.post(
    "/{movement_id}/unlock", status_code=204, summary="Let codes be tried again", responses=gone()
)
async def unlock(
    movement_id: MovementIdentifier,
    caller: MayUnlock,
    change: Annotated[Changing, Depends(Raising("voucher.unlock"))],
) -> Response:
    """Forget the wrong codes of a voucher; the code itself stays as it is."""
    await change(caller, f"voucher/{movement_id}")
    return Response(status_code=204)


def secrets_of(request: Request) -> VoucherSecrets:
    """What makes and proves codes, out of the composition root's parts."""
    return VoucherSecrets(request.app.state.keys, request.app.state.envelope)
