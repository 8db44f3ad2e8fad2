"""Statements of a wallet as files: a span with its opening and its closing balance."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from api.looking import LookingDoor
from api.paging import Moment, Position, Session, Until
from api.problems import Problem
from api.rendering import pdf, spreadsheet
from api.rendering.pdf import pdf_of
from api.rendering.spreadsheet import csv_of
from api.rendering.table import Column, Table
from api.schemas import downloads
from api.security import Caller
from api.wallets.reads import MayRead, visible
from mmo.kernel.money import Money
from mmo.movements.support.catalogue import movements
from mmo.projections.statements import Line, balance_before, between
from mmo.tenancy.scope import scoped
from mmo.wallets import products
from mmo.wallets.wallet import Wallet

router = APIRouter(tags=["wallets"])

SPAN_MAX = timedelta(days=92)
LINES_MAX = 10_000
_COLUMNS = (
    *(Column(name) for name in ("at", "what", "reference")),
    *(Column(name, figure=True) for name in ("amount", "fee", "tax", "balance")),
)
From = Annotated[Moment, Query(alias="from", description="From this moment on (RFC 3339).")]


@router.get("/wallets/{wallet}/statement.csv", summary="Download a statement as CSV",
            responses=downloads(spreadsheet.MEDIA_TYPE), response_class=Response)  # fmt: skip
async def download_csv(
    wallet: str, caller: MayRead, opened: LookingDoor, session: Session, _: Position,
    since: From, until: Until = None,
) -> Response:  # fmt: skip
    """A span of at most 92 days and 10,000 lines, the oldest first; no cell is a formula."""
    found = await visible(opened, caller, wallet)
    return csv_of(await _table(opened, session, caller, found, since, until), "statement")


@router.get("/wallets/{wallet}/statement.pdf", summary="Download a statement as PDF",
            responses=downloads(pdf.MEDIA_TYPE), response_class=Response)  # fmt: skip
async def download_pdf(
    wallet: str, caller: MayRead, opened: LookingDoor, session: Session, _: Position,
    since: From, until: Until = None,
) -> Response:  # fmt: skip
    """A span of at most 92 days and 2,000 lines, the oldest first, on A4."""
    found = await visible(opened, caller, wallet)
    return await pdf_of(await _table(opened, session, caller, found, since, until), "statement")


async def _table(
    opened: LookingDoor, session: AsyncSession, caller: Caller, wallet: Wallet,
    since: datetime, until: datetime | None,
) -> Table:  # fmt: skip
    """The span as it is rendered. Raises Problem validation and too_many_rows."""
    ends = until or datetime.now(UTC)
    if not since < ends <= since + SPAN_MAX:
        raise Problem("validation", "a span ends after it begins, within 92 days", status=422)
    tenant, account = caller.tenant.id, wallet.accounts["wallet"]
    lines = await between(session, tenant, account, since, ends, LINES_MAX + 1)
    if len(lines) > LINES_MAX:
        raise Problem("too_many_rows", f"a statement has {LINES_MAX} lines at most")
    if lines:
        opening, closing = lines[0].balance - lines[0].amount, lines[-1].balance
    else:
        opening = closing = await balance_before(session, tenant, account, since)
    zone = ZoneInfo(caller.tenant.timezone)
    shown = await opened.personal.show(caller.tenant.slug, wallet)

    def money(minor: int) -> str:
        return Money(minor, wallet.currency).value

    def local(at: datetime) -> str:
        return at.astimezone(zone).isoformat(sep=" ", timespec="seconds")

    def row(line: Line) -> list[str]:
        figures = (line.amount, line.fee, line.tax, line.balance)
        return [local(line.at), _what(line), line.reference, *map(money, figures)]

    return Table(
        operator=caller.tenant.name,
        title="Statement",
        about=(
            ("Holder", shown.name or ""),
            ("Number", shown.msisdn or ""),
            ("Product", await _product(opened, caller, wallet)),
            ("Wallet", wallet.id),
            ("From", local(since)),
            ("To", local(ends)),
            ("Currency", wallet.currency),
            ("Opening balance", money(opening)),
            ("Closing balance", money(closing)),
        ),
        columns=_COLUMNS,
        rows=[
            [local(since), "Opening balance", "", "", "", "", money(opening)],
            *(row(line) for line in lines),
            [local(ends), "Closing balance", "", "", "", "", money(closing)],
        ],
    )


def _what(line: Line) -> str:
    """The movement as people say it."""
    known = movements().get(line.type)
    return known.title if known else line.type


async def _product(opened: LookingDoor, caller: Caller, wallet: Wallet) -> str:
    """The product's name; where the wallet has none, what kind it is."""
    if wallet.product is not None:
        async with scoped(opened.pool, caller.tenant.id) as connection:
            product = await products.find(connection, caller.tenant.id, wallet.product)
        if product is not None:
            return product.name
    return wallet.kind.replace("_", "-").capitalize()
