"""Tables that are taken away: no cell is a formula, and a PDF says what the table does."""

import csv
import io
from dataclasses import replace

import pypdf
import pytest

from api.problems import Problem
from api.rendering.pdf import ROWS_MAX, as_pdf, pdf_of
from api.rendering.spreadsheet import as_csv, csv_of, plain
from api.rendering.table import Column, Table, cells, shown

FEES = Table(
    operator="Demo",
    title="Fees",
    about=(("Day", "2026-11-27"),),
    columns=(Column("movement"), Column("net_of_tax", figure=True)),
    rows=(("p2p-transfer", "37.50"), ("cash-out", "-1.00")),
)


def text_of(document: bytes) -> str:
    assert document.startswith(b"%PDF-")
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document)).pages)


def test_amounts_are_decimals_in_the_digits_of_their_currency() -> None:
    row = {"currency": "KES", "charged": 12_50, "net": None, "movements": 1250}

    assert shown(row, {"charged", "net"}) == row | {"charged": "12.50"}
    assert shown(row | {"currency": "UGX"}, {"charged"})["charged"] == "1250"


def test_what_is_not_known_is_an_empty_cell_and_yes_is_yes() -> None:
    columns = (Column("bank"), Column("backed"), Column("n"))

    assert cells({"bank": None, "backed": True, "n": 0, "more": 1}, columns) == ["", "yes", "0"]


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+254700000001", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "-", "--1"],
)
def test_a_cell_that_would_be_a_formula_is_text(cell: str) -> None:
    _, (_, told) = csv.reader(io.StringIO(as_csv(("a", "b"), [("x", cell)]), newline=""))

    assert told == f"'{cell}"


@pytest.mark.parametrize("cell", ["-12.50", "0", "-1", "Alice", "a=1", "1+1", ""])
def test_numbers_and_names_stay_as_they_are(cell: str) -> None:
    assert plain(cell) == cell


def test_a_table_is_csv_under_the_names_of_its_columns() -> None:
    answer = csv_of(FEES, "fees")

    assert answer.body == b"movement,net_of_tax\r\np2p-transfer,37.50\r\ncash-out,-1.00\r\n"
    assert answer.headers["content-disposition"] == 'attachment; filename="fees.csv"'


async def test_a_pdf_says_what_the_table_says_and_the_same_again() -> None:
    document = await as_pdf(FEES)

    told = text_of(document)
    assert "Fees" in told
    assert "Day 2026-11-27" in told
    assert "Net of tax" in told
    assert "p2p-transfer 37.50\ncash-out -1.00" in told
    assert await as_pdf(FEES) == document


async def test_a_value_is_never_markup() -> None:
    hostile = '#panic("x") *b* $1$ #read("/etc/passwd") "] \\ '

    told = text_of(await as_pdf(replace(FEES, rows=((hostile, "1"),), title=hostile)))

    assert '#panic("x") *b* $1$ #read("/etc/passwd")' in told.replace("\n", " ")
    assert "root:" not in told


async def test_a_table_of_nothing_says_so() -> None:
    assert "Nothing." in text_of(await as_pdf(replace(FEES, rows=())))


async def test_a_table_too_long_for_paper_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await pdf_of(replace(FEES, rows=FEES.rows * (ROWS_MAX // 2 + 1)), "fees")

    assert (refused.value.code, refused.value.status) == ("too_many_rows", 422)
