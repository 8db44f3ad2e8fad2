"""The trust: statements of the banks that hold clients' money, and certificates."""

from datetime import date as Date  # noqa: N812 - a field is called date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.books.days import MayRead, day_named
from api.changing import Changing, Raising, changed
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.books import postgres, trust
from mmo.books.trust import Certificate, Statement
from mmo.kernel.money import AmountError, Money
from mmo.movements.support.command import BankReference

router = APIRouter(prefix="/trust", tags=["books"])

MayFile = Annotated[Caller, Depends(requires("trust:file"))]
LINES_MAX = 500
Signed = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?$", max_length=19)]


class LineBody(BaseModel):
    """An entry of the statement: what came in is positive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: BankReference
    amount: Signed
    date: Date


class StatementBody(BaseModel):
    """A bank's statement of one day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bank: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .-]{0,39}$")]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["KES"])]
    as_of: Date
    opening: Signed
    closing: Signed
    lines: Annotated[list[LineBody], Field(max_length=LINES_MAX)] = []


class StatementSchema(BaseModel):
    """A statement that is on file."""

    bank: str
    currency: str
    as_of: Date
    opening: str
    closing: str
    lines: int


class CertificateSchema(BaseModel):
    """Of one currency: e-money against what the banks say they hold."""

    currency: str
    emoney: str
    bank: str | None = Field(description="Null: no bank's statement of the day is on file.")
    shortfall: str | None
    backed: bool
    banks: list[dict[str, str]]


class CertificatesSchema(BaseModel):
    """The proof of a day, by the statements that are on file now."""

    date: Date
    certificates: list[CertificateSchema]


@router.post("/statements", status_code=201, summary="File a bank's statement",
             responses=changed(StatementSchema, 201))  # fmt: skip
async def file_statement(
    body: StatementBody, caller: MayFile,
    change: Annotated[Changing, Depends(Raising("bank-statement.file"))],
) -> JSONResponse:  # fmt: skip
    """Keep it for ever; the same again changes nothing. It follows the bank's last one."""
    if body.currency not in caller.tenant.currencies:
        raise Problem("currency_mismatch", f"{caller.tenant.slug} keeps no {body.currency}")
    written = {
        "bank": body.bank,
        "currency": body.currency,
        "as_of": body.as_of.isoformat(),
        "opening": _minor(body.opening, body.currency, "/opening"),
        "closing": _minor(body.closing, body.currency, "/closing"),
        "lines": [
            {
                "reference": line.reference,
                "amount": _minor(line.amount, body.currency, f"/lines/{index}/amount"),
                "date": line.date.isoformat(),
            }
            for index, line in enumerate(body.lines)
        ],
    }
    about = f"bank-statement/{body.bank}/{body.currency}/{body.as_of}"
    statement: Statement = (await change(caller, about, written)).result
    return JSONResponse(_statement(statement), 201)


@router.get("/certificates/{day}", summary="Read the proof of a day",
            responses=answers_with(CertificatesSchema))  # fmt: skip
async def read_certificates(reading: Reading, day: str, caller: MayRead) -> dict[str, Any]:
    """By the trial balance of the day, and the statements of it that are on file by now."""
    async with reading(caller) as connection:
        found = await day_named(connection, caller, day)
        when = found.business_date
        balance = await postgres.trial_balance(connection, caller.tenant.id, when)
        statements = await trust.of_day(connection, caller.tenant.id, when)
    told = [_certificate(one) for one in trust.certificates(balance, statements)]
    return {"date": when.isoformat(), "certificates": told}


def _statement(statement: Statement) -> dict[str, Any]:
    currency = statement.currency
    return {
        "bank": statement.bank,
        "currency": currency,
        "as_of": statement.as_of.isoformat(),
        "opening": Money(statement.opening, currency).value,
        "closing": Money(statement.closing, currency).value,
        "lines": len(statement.lines),
    }


def _certificate(one: Certificate) -> dict[str, Any]:
    def told(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, one.currency).value

    return {
        "currency": one.currency,
        "emoney": told(one.emoney),
        "bank": told(one.bank),
        "shortfall": told(one.shortfall),
        "backed": one.shortfall == 0,
        "banks": [{"bank": bank["bank"], "closing": told(bank["closing"])} for bank in one.banks],
    }


def _minor(written: str, currency: str, pointer: str) -> int:
    """Minor units of a signed amount. Raises Problem amount_invalid."""
    try:
        minor = Money.parse(written.removeprefix("-"), currency).minor
    except AmountError as error:
        told = [{"pointer": pointer, "in": "body", "code": "amount_invalid", "detail": str(error)}]
        raise Problem("amount_invalid", status=422, errors=told) from None
    return -minor if written.startswith("-") else minor
