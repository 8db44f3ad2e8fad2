"""Flags on wallets: staff says something of a wallet, for a time, and rules look at it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.changing import Changing, Raising, changed
from api.fields import Line, Why
from api.headers import OpenDoor
from api.paging import Moment
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from api.wallets.routes import find_wallet, of_another
from mmo.changes.support.asked import Carried
from mmo.changes.wallet_commands import flag_body
from mmo.codelists import postgres as code_lists
from mmo.codelists.postgres import RESOURCE
from mmo.wallets.wallet import FlagWallet, Wallet

router = APIRouter(prefix="/wallets/{wallet}/flags", tags=["wallets"])

MayFlag = Annotated[Caller, Depends(requires("wallets:flag"))]
LIST_PATTERN = r"^[a-z][a-z0-9-]{1,40}$"
CODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"


class FlagBody(BaseModel):
    """A flag to put on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list: Annotated[str, Field(pattern=LIST_PATTERN, examples=["wallet-flags"])]
    code: Annotated[str, Field(pattern=CODE_PATTERN, examples=["SUSPECT"])]
    reason: Why
    since: Annotated[Moment | None, Field(description="Else from now on.")] = None
    until: Annotated[Moment | None, Field(description="Else without an end.")] = None
    evidence: Annotated[
        Annotated[str, Line] | None,
        Field(max_length=200, description="Where it is kept: a document's id."),
    ] = None

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> "FlagBody":
        if self.until is not None and self.until <= (self.since or datetime.now(UTC)):
            raise ValueError("until is not after since")
        return self


class FlagSchema(BaseModel):
    """A flag, and whether it holds now."""

    list: str
    code: str
    since: datetime
    until: datetime | None
    holds: bool


class Flags(BaseModel):
    """The flags that a wallet carries."""

    items: list[FlagSchema]


def resource(wallet: Wallet) -> dict[str, Any]:
    """How a wallet's flags look."""
    now = datetime.now(UTC)
    return {
        "items": [
            flag.row() | {"holds": flag.since <= now and (flag.until is None or now < flag.until)}
            for flag in wallet.flags
        ]
    }


@router.get("", summary="List the flags of a wallet", responses=answers_with(Flags))
async def read_flags(wallet: str, caller: MayFlag, opened: OpenDoor) -> dict[str, Any]:
    """Every flag, also those that do not hold yet or any more."""
    return resource(await find_wallet(opened, caller, wallet))


@router.post("", status_code=201, summary="Put a flag on a wallet",
             responses=changed(Flags, 201))  # fmt: skip
async def flag(
    request: Request, reading: Reading, wallet: str, body: FlagBody, caller: MayFlag,
    opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("wallet.flag"))],
) -> JSONResponse:  # fmt: skip
    """Put a flag on; one that is on already stays as it is, unless it shall end at another time."""
    found = await find_wallet(opened, caller, wallet)
    identifier = await of_another(request, caller, found, "wallet.flag")
    await _check_code(reading, caller, body)
    command = FlagWallet(
        list=body.list,
        code=body.code,
        reason=body.reason,
        since=(body.since or datetime.now(UTC)).astimezone(UTC),
        until=body.until and body.until.astimezone(UTC),
        evidence=body.evidence,
    )
    return _answer(await change(caller, f"wallet/{identifier}", flag_body(command)), 201)


@router.delete("/{name}/{code}", summary="Take a flag off a wallet",
               responses=changed(Flags))  # fmt: skip
async def unflag(
    request: Request,
    wallet: str,
    name: Annotated[str, Path(pattern=LIST_PATTERN)],
    code: Annotated[str, Path(pattern=CODE_PATTERN)],
    reason: Annotated[Why, Query()],
    caller: MayFlag,
    opened: OpenDoor,
    change: Annotated[Changing, Depends(Raising("wallet.unflag"))],
) -> JSONResponse:
    """Take a flag off, with a reason."""
    found = await find_wallet(opened, caller, wallet)
    identifier = await of_another(request, caller, found, "wallet.unflag")
    body = {"list": name, "code": code, "reason": reason}
    return _answer(await change(caller, f"wallet/{identifier}", body), 200)


async def _check_code(reading: Reading, caller: Caller, body: FlagBody) -> None:
    """Only what the list offers now may be newly assigned. Raises Problem."""
    async with reading(caller, (RESOURCE,)) as connection:
        owner = await code_lists.owner_of(connection, caller.tenant.id, body.list)
        value = owner and await code_lists.find(connection, owner.id, body.list, body.code)
    if value is None:
        raise Problem("code_unknown", f"{body.list} has no {body.code}")
    if not value.active:
        raise Problem("code_inactive")


def _answer(carried: Carried, status: int) -> JSONResponse:
    headers = {"Projection-Position": carried.position} if carried.position else {}
    return JSONResponse(resource(carried.result), status, headers=headers)
