"""The day of the books: cut it off, and read what it came to."""

from datetime import date as Date  # noqa: N812 - a field is called date
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.changing import Changing, Raising, changed
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.books import postgres, watching
from mmo.books.postgres import Day, TrialLine
from mmo.kernel.money import Money
from mmo.ledger.chart import CHART

router = APIRouter(prefix="/books", tags=["books"])

MayRead = Annotated[Caller, Depends(requires("books:read"))]
MayClose = Annotated[Caller, Depends(requires("books:close"))]
_TITLES = {one.code: (one.gl, one.title, one.kind) for one in CHART}


class DaySchema(BaseModel):
    """A day of the books."""

    date: Date
    state: Literal["open", "closing", "closed"]
    cut_off_at: datetime | None
    cut_off_by: str | None
    next: Date | None = Field(description="The day that was opened with its cut-off.")
    journals: int | None
    previous_hash: str | None
    hash: str | None = Field(description="Over all accounts that moved, on the day before's hash.")
    closed_at: datetime | None


class DayPage(BaseModel):
    """Days, the newest first; the open one stands before them."""

    open: Date
    items: list[DaySchema]
    next: str | None


class TrialLineSchema(BaseModel):
    """A line of a trial balance. Opening and closing: credits are positive."""

    gl: str | None = Field(description="Number in the general ledger.")
    code: str
    title: str | None
    kind: str | None
    opening: str
    debits: str
    credits: str
    closing: str


class TrialBookSchema(BaseModel):
    """One book in one currency; its debits and credits are equal."""

    book: Literal["E", "C"]
    currency: str
    debits: str
    credits: str
    lines: list[TrialLineSchema]


class TrialBalanceSchema(BaseModel):
    """A trial balance, book by book."""

    date: Date
    books: list[TrialBookSchema]


class FindingSchema(BaseModel):
    """What was found of one invariant when the watch looked last."""

    invariant: str
    violations: int
    detail: list[dict[str, Any]]
    since: datetime = Field(description="Since when it is so.")


class WatchSchema(BaseModel):
    """What the watch found; nothing: it has not looked yet."""

    items: list[FindingSchema]


def day_of(day: Day) -> dict[str, Any]:
    """How a day looks."""
    return {
        "date": day.business_date.isoformat(),
        "state": day.state,
        "cut_off_at": day.cut_at.isoformat(),
        "cut_off_by": day.cut_by,
        "next": day.next_date.isoformat(),
        "journals": day.journals,
        "previous_hash": day.previous.hex() if day.previous else None,
        "hash": day.hash.hex() if day.hash else None,
        "closed_at": day.closed_at.isoformat() if day.closed_at else None,
    }


@router.post("/days", status_code=202, summary="Cut the open day off, and close it",
             responses=changed(DaySchema, 202))  # fmt: skip
async def cut_off(
    caller: MayClose, change: Annotated[Changing, Depends(Raising("day.cut-off"))]
) -> JSONResponse:
    """Movements go on, dated on the next day. Asked again, it answers with the day that closes."""
    carried = await change(caller, "day/open")
    day: Day = carried.result
    return JSONResponse(
        day_of(day), 202, headers={"Location": f"/v1/books/days/{day.business_date}"}
    )


@router.get("/days", summary="List days", responses=answers_with(DayPage))
async def read_days(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """Days that were cut off, the newest first."""
    before = _date(key_of(cursor), "cursor_invalid")
    async with reading(caller) as connection:
        found = await postgres.listed(connection, caller.tenant.id, before, limit)
        opened, _ = await postgres.open_date(connection, caller.tenant.id)
    rows = [day_of(day) for day in found]
    last = found[-1].business_date if found else None
    return {"open": opened.isoformat()} | page_of(rows, limit, last)


@router.get("/days/{day}", summary="Read a day", responses=answers_with(DaySchema))
async def read_day(reading: Reading, day: str, caller: MayRead) -> dict[str, Any]:
    """A day that was cut off, and its hash once it is closed."""
    async with reading(caller) as connection:
        return day_of(await day_named(connection, caller, day))


@router.get("/days/{day}/trial-balance", summary="Read a trial balance",
            responses=answers_with(TrialBalanceSchema))  # fmt: skip
async def read_trial_balance(reading: Reading, day: str, caller: MayRead) -> dict[str, Any]:
    """Each code of both books: what it opened with, moved and came to."""
    async with reading(caller) as connection:
        found = await day_named(connection, caller, day)
        when = found.business_date
        lines = await postgres.trial_balance(connection, caller.tenant.id, when)
    if not lines and found.state != "closed":
        raise Problem("day_not_closed")
    return {"date": when.isoformat(), "books": trial_books(lines)}


@router.get("/watch", summary="Read what the watch over the books found",
            responses=answers_with(WatchSchema))  # fmt: skip
async def read_watch(reading: Reading, caller: MayRead) -> dict[str, Any]:
    """Every few seconds it looks at what was posted since, and at the proof of the trust."""
    async with reading(caller) as connection:
        found = await watching.told(connection, caller.tenant.id)
    return {"items": [one | {"since": one["since"].isoformat()} for one in found]}


def trial_books(lines: list[TrialLine]) -> list[dict[str, Any]]:
    """Lines of a trial balance by book and currency, in the order of the chart."""
    found = list[dict[str, Any]]()
    for book, currency in dict.fromkeys((line.book, line.currency) for line in lines):
        of_book = [line for line in lines if (line.book, line.currency) == (book, currency)]
        found.append(
            {
                "book": book,
                "currency": currency,
                "debits": Money(sum(line.debits for line in of_book), currency).value,
                "credits": Money(sum(line.credits for line in of_book), currency).value,
                "lines": sorted(map(_line, of_book), key=_place),
            }
        )
    return sorted(found, key=lambda one: (one["book"] != "E", one["currency"]))


def _place(line: dict[str, Any]) -> tuple[str, str]:
    return line["gl"] or "", line["code"]


def _line(line: TrialLine) -> dict[str, Any]:
    gl, title, kind = _TITLES.get(line.code, (None, None, None))
    amounts = {
        "opening": line.opening, "debits": line.debits, "credits": line.credits,
        "closing": line.closing,
    }  # fmt: skip
    told = {name: Money(minor, line.currency).value for name, minor in amounts.items()}
    return {"gl": gl, "code": line.code, "title": title, "kind": kind, **told}


async def day_named(connection: Any, caller: Caller, name: str) -> Day:
    """The day in a path. Raises Problem not_found."""
    when = _date(name, "not_found")
    found = await postgres.find(connection, caller.tenant.id, when) if when else None
    if found is None:
        raise Problem("not_found")
    return found


def _date(written: str | None, problem: str) -> Date | None:
    if written is None:
        return None
    try:
        found = Date.fromisoformat(written)
    except ValueError:
        raise Problem(problem) from None
    if found.isoformat() != written:
        raise Problem(problem)
    return found
