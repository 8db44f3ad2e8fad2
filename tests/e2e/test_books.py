"""The day of the books over the API, in the other operator's town: cut off, closed, and proved."""

import asyncio
import io
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import pypdf
import pytest

from tests.e2e.opening import ask
from tests.e2e.operator import Operator
from tests.e2e.town import Person, Town

DAYS = "/v1/books/days"
CLOSED_S = 30


async def closed(town: Town) -> dict[str, Any]:
    """The newest day, closed by whoever of these tests came first."""
    await town.customer("1.00")  # an operator where nothing ever moved has no books to show
    asked = await town.staff.post(DAYS)
    assert asked.status_code in {202, 409}, asked.text
    for _ in range(CLOSED_S * 4):
        days = (await town.staff.get(DAYS)).json()["items"]
        if days and days[0]["state"] == "closed":
            return days[0]
        await asyncio.sleep(0.25)
    raise AssertionError("the day was not closed")


def in_shillings(certificates: list[dict[str, Any]]) -> dict[str, Any]:
    """That of the currency which these tests move; others may have moved in another."""
    (found,) = [one for one in certificates if one["currency"] == "KES"]
    return found


async def test_a_day_is_cut_off_closed_and_balances(other: Town) -> None:
    await other.customer("12.00")

    day = await closed(other)

    again = await other.staff.post(DAYS)
    read = (await other.staff.get(f"{DAYS}/{day['date']}")).json()
    balance = (await other.staff.get(f"{DAYS}/{day['date']}/trial-balance")).json()
    assert (again.status_code, again.json()["code"]) == (409, "day_not_begun")
    assert read == day
    assert len(day["hash"]) == 64
    for book in balance["books"]:
        assert book["debits"] == book["credits"]
    codes = {line["code"]: line for line in balance["books"][0]["lines"]}
    assert codes["TRUST_BANK"]["gl"] == "1100"
    assert codes["TRUST_BANK"]["closing"].startswith("-")


async def test_the_proof_of_the_day_is_by_the_banks_own_statement(other: Town) -> None:
    day = await closed(other)
    where = f"/v1/trust/certificates/{day['date']}"
    unknown = in_shillings((await other.staff.get(where)).json()["certificates"])
    bank, held = f"Bank {uuid.uuid4().hex[:8]}", unknown["emoney"]
    statement = {
        "bank": bank, "currency": unknown["currency"], "as_of": day["date"], "opening": "0.00",
        "closing": held, "lines": [{"reference": "R1", "amount": held, "date": day["date"]}],
    }  # fmt: skip

    filed = [await other.staff.post("/v1/trust/statements", statement) for _ in range(2)]
    another = await other.staff.post(
        "/v1/trust/statements",
        statement | {"closing": "1.00", "lines": [statement["lines"][0] | {"amount": "1.00"}]},
    )
    proved = in_shillings((await other.staff.get(where)).json()["certificates"])

    assert [one.status_code for one in filed] == [201, 201], filed[0].text
    assert (another.status_code, another.json()["code"]) == (409, "already_there")
    assert (proved["shortfall"], proved["backed"]) == ("0.00", True)
    assert {"bank": bank, "closing": held} in proved["banks"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"closing": "6.00"}, "/closing"),
        ({"as_of": "2999-01-01"}, "/as_of"),
        ({"closing": "5.001"}, "/closing"),
    ],
)
async def test_a_statement_that_does_not_add_up_is_refused_with_its_place(
    other: Town, wrong: dict[str, str], pointer: str
) -> None:
    statement = {
        "bank": "Nobody", "currency": "KES", "as_of": "2026-01-02",
        "opening": "2.00", "closing": "5.00",
        "lines": [{"reference": "R", "amount": "3.00", "date": "2026-01-02"}],
    } | wrong  # fmt: skip

    answer = await other.staff.post("/v1/trust/statements", statement)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_who_may_not_read_or_close_the_books_does_not(demo: Town, other: Town) -> None:
    day = await closed(other)
    nobody: Person = other.somebody(["wallets:read"])

    told = [
        await nobody.get(DAYS),
        await nobody.post(DAYS),
        await nobody.get(f"/v1/trust/certificates/{day['date']}"),
    ]
    elsewhere = await demo.staff.get("/v1/books/days/2001-01-01/trial-balance")
    odd = await ask(other.staff, f"{DAYS}/20260101", "GET")

    assert {one.status_code for one in told} == {403}
    assert (elsewhere.status_code, odd.status_code) == (404, 404)


async def test_a_report_is_read_and_taken_away(other: Town) -> None:
    day = await closed(other)
    where = f"{DAYS}/{day['date']}/reports"
    names = [one["name"] for one in (await other.staff.get(where)).json()["items"]]

    read = (await other.staff.get(f"{where}/movement-counts")).json()
    table = await other.staff.get(f"{where}/movement-counts.csv")
    paper = [await other.staff.get(f"{where}/movement-counts.pdf") for _ in range(2)]

    assert len(names) == 6
    wanted = ("emoney-issuance", "KES", "posted")
    (issued,) = [
        one for one in read["rows"]
        if (one["movement"], one["currency"], one["outcome"]) == wanted
    ]  # fmt: skip
    line = f"emoney-issuance,KES,posted,{issued['movements']},{issued['value']}"
    assert issued["value"].endswith(".00")
    assert (table.headers["content-type"], line in table.text) == ("text/csv; charset=utf-8", True)
    assert paper[0].headers["content-type"] == "application/pdf"
    assert paper[0].content == paper[1].content
    assert line.replace(",", " ") in text_of(paper[0])


async def test_a_trial_balance_is_taken_away(other: Town) -> None:
    day = await closed(other)
    where = f"{DAYS}/{day['date']}/trial-balance"
    balance = (await other.staff.get(where)).json()

    table = await other.staff.get(f"{where}.csv")
    paper = await other.staff.get(f"{where}.pdf")

    bank = balance["books"][0]["lines"][0]
    assert bank["code"] == "TRUST_BANK"
    assert table.text.splitlines()[1].endswith(f"{bank['credits']},{bank['closing']}")
    assert bank["closing"] in text_of(paper)
    assert day["hash"] in text_of(paper).replace("\n", "")


async def test_no_report_is_found_where_there_is_none(demo: Town, other: Town) -> None:
    day = await closed(other)
    nobody = other.somebody(["wallets:read"])
    where = f"{DAYS}/{day['date']}/reports"

    for suffix in ("", ".csv", ".pdf"):
        assert (await other.staff.get(f"{where}/nothing{suffix}")).status_code == 404
        assert (
            await other.staff.get(f"{DAYS}/2001-01-01/reports/tax-return{suffix}")
        ).status_code == 404
        assert (await nobody.get(f"{where}/tax-return{suffix}")).status_code == 403


async def test_the_command_line_writes_a_report(
    stack: Operator, other: Town, tmp_path: Path
) -> None:
    day, file = await closed(other), tmp_path / "taxes.pdf"
    port = str(httpx.URL(stack.url).port)

    async def mmo(*words: str) -> "subprocess.CompletedProcess[str]":
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "workers.cli.main", "day", "report", day["date"], *words],
            capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "MMO_LISTEN_PORT": port, "MMO_TOKEN": other.staff.token},
        )  # fmt: skip

    listed = await mmo()
    printed = await mmo("tax-return", "--format", "csv")
    written = await mmo("tax-return", "--format", "pdf", "--output", str(file))
    lost = await mmo("tax-return", "--format", "pdf")

    assert "Taxes charged and remitted" in listed.stdout, listed.stderr
    assert printed.stdout.startswith("tax,currency,opening"), printed.stderr
    assert file.read_bytes().startswith(b"%PDF-"), written.stderr
    assert lost.returncode == 1
    assert "say --output" in lost.stderr


def text_of(answer: httpx.Response) -> str:
    """What a PDF says."""
    return "\n".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages
    )
