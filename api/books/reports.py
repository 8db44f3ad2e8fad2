"""What a day came to, to be read or taken away: its reports, and its trial balance as a file."""

from collections.abc import Sequence
from datetime import date as Date  # noqa: N812 - a field is called date
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api.books.days import MayRead, day_named, trial_books
from api.problems import Problem
from api.reading import Reading
from api.rendering import pdf, spreadsheet
from api.rendering.pdf import pdf_of
from api.rendering.spreadsheet import csv_of
from api.rendering.table import Column, Table, cells, shown
from api.schemas import answers_with, downloads
from api.security import Caller
from mmo.books import postgres
from mmo.books.reporting import Report, reports
from mmo.tenancy.tenant import Tenant

router = APIRouter(prefix="/books/days", tags=["books"])

_COUNTS = frozenset({"cash_ins", "cash_outs", "movements", "age_days"})
_BALANCE = (
    *(Column(name) for name in ("book", "currency", "gl", "code", "title")),
    *(Column(name, figure=True) for name in ("opening", "debits", "credits", "closing")),
)


class ReportNameSchema(BaseModel):
    """A report that the day has."""

    name: str
    title: str


class ReportsSchema(BaseModel):
    """The reports of a day."""

    date: Date
    items: list[ReportNameSchema]


class ReportSchema(BaseModel):
    """A report, as it was written when the day was closed."""

    date: Date
    name: str
    title: str
    columns: list[str] = Field(description="The members of each row, in order.")
    rows: list[dict[str, str | int | bool | None]] = Field(
        description="Amounts are decimals of the row's currency."
    )


@router.get("/{day}/reports", summary="List the reports of a day",
            responses=answers_with(ReportsSchema))  # fmt: skip
async def read_reports(reading: Reading, day: str, caller: MayRead) -> dict[str, Any]:
    """A day that is not closed yet may have none."""
    async with reading(caller) as connection:
        when = (await day_named(connection, caller, day)).business_date
        names = await postgres.reports(connection, caller.tenant.id, when)
    items = [{"name": name, "title": reports()[name].title} for name in names if name in reports()]
    return {"date": when.isoformat(), "items": items}


@router.get("/{day}/reports/{report}.csv", summary="Download a report as CSV",
            responses=downloads(spreadsheet.MEDIA_TYPE), response_class=Response)  # fmt: skip
async def download_csv(reading: Reading, day: str, report: str, caller: MayRead) -> Response:
    """The rows under the names of their columns; no cell is a formula."""
    when, about, rows = await _kept(reading, day, report, caller)
    return csv_of(_table(caller.tenant, when, about, rows), f"{about.name}-{when}")


@router.get("/{day}/reports/{report}.pdf", summary="Download a report as PDF",
            responses=downloads(pdf.MEDIA_TYPE), response_class=Response)  # fmt: skip
async def download_pdf(reading: Reading, day: str, report: str, caller: MayRead) -> Response:
    """On A4, at most 2,000 rows."""
    when, about, rows = await _kept(reading, day, report, caller)
    return await pdf_of(_table(caller.tenant, when, about, rows), f"{about.name}-{when}")


@router.get("/{day}/reports/{report}", summary="Read a report",
            responses=answers_with(ReportSchema))  # fmt: skip
async def read_report(reading: Reading, day: str, report: str, caller: MayRead) -> dict[str, Any]:
    """A report stays as it was when the day was closed."""
    when, about, rows = await _kept(reading, day, report, caller)
    return {
        "date": when.isoformat(),
        "name": about.name,
        "title": about.title,
        "columns": list(about.columns),
        "rows": [{name: row[name] for name in about.columns} for row in rows],
    }


@router.get("/{day}/trial-balance.csv", summary="Download a trial balance as CSV",
            responses=downloads(spreadsheet.MEDIA_TYPE), response_class=Response)  # fmt: skip
async def download_balance_csv(reading: Reading, day: str, caller: MayRead) -> Response:
    """Each code of both books; no cell is a formula."""
    when, table = await _balance(reading, day, caller)
    return csv_of(table, f"trial-balance-{when}")


@router.get("/{day}/trial-balance.pdf", summary="Download a trial balance as PDF",
            responses=downloads(pdf.MEDIA_TYPE), response_class=Response)  # fmt: skip
async def download_balance_pdf(reading: Reading, day: str, caller: MayRead) -> Response:
    """Each code of both books, on A4."""
    when, table = await _balance(reading, day, caller)
    return await pdf_of(table, f"trial-balance-{when}")


async def _kept(
    reading: Reading, day: str, name: str, caller: Caller
) -> tuple[Date, Report, Sequence[dict[str, Any]]]:
    """The day, the report and its rows, amounts as decimals. Raises Problem not_found."""
    about = reports().get(name)
    if about is None:
        raise Problem("not_found")
    async with reading(caller) as connection:
        found = await day_named(connection, caller, day)
        when = found.business_date
        content = await postgres.report(connection, caller.tenant.id, when, name)
    if content is None:
        raise Problem("not_found" if found.state == "closed" else "day_not_closed")
    return when, about, [shown(row, about.amounts) for row in content["rows"]]


def _table(tenant: Tenant, when: Date, about: Report, rows: Sequence[dict[str, Any]]) -> Table:
    figures = about.amounts | _COUNTS
    columns = tuple(Column(name, figure=name in figures) for name in about.columns)
    return Table(
        operator=tenant.name,
        title=about.title,
        about=(("Day", when.isoformat()),),
        columns=columns,
        rows=[cells(row, columns) for row in rows],
    )


async def _balance(reading: Reading, day: str, caller: Caller) -> tuple[Date, Table]:
    """The trial balance of the day in a path. Raises Problem not_found and day_not_closed."""
    async with reading(caller) as connection:
        found = await day_named(connection, caller, day)
        when = found.business_date
        lines = await postgres.trial_balance(connection, caller.tenant.id, when)
    if not lines and found.state != "closed":
        raise Problem("day_not_closed")
    rows = [
        cells(line | {"book": book["book"], "currency": book["currency"]}, _BALANCE)
        for book in trial_books(lines)
        for line in book["lines"]
    ]
    return when, Table(
        operator=caller.tenant.name,
        title="Trial balance",
        about=(("Day", when.isoformat()), ("Hash", found.hash.hex() if found.hash else "open")),
        columns=_BALANCE,
        rows=rows,
    )
