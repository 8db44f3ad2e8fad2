"""Statements taken away by those who may see the wallet, and the mini-statement by SMS."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import psycopg
import pypdf
import pytest

from tests.e2e.operator import Operator
from tests.e2e.test_messages import received, until
from tests.e2e.town import Holder, Person, Town


async def statement(
    person: Person, wallet: str, suffix: str, after: httpx.Response | None = None, days: int = 1
) -> httpx.Response:
    """The file of the days until tomorrow."""
    until = datetime.now(UTC) + timedelta(hours=1)
    span = {"from": (until - timedelta(days=days)).isoformat(), "to": until.isoformat()}
    return await person.get(
        f"/v1/wallets/{wallet}/statement.{suffix}?{urlencode(span)}", after=after
    )


def text_of(answer: httpx.Response) -> str:
    assert answer.content.startswith(b"%PDF-"), answer.text
    pages = pypdf.PdfReader(io.BytesIO(answer.content)).pages
    return "\n".join(page.extract_text() for page in pages)


async def test_a_holder_takes_a_statement_away_as_csv_and_on_paper(demo: Town) -> None:
    alice, bob = await demo.customer("500"), await demo.customer()
    sent = await alice.sends("120.50", bob)

    table = await statement(alice.person, alice.wallet, "csv", sent)
    paper = await statement(alice.person, alice.wallet, "pdf", sent)

    lines = list(csv.DictReader(io.StringIO(table.text)))
    assert [(one["what"], one["amount"], one["balance"]) for one in lines] == [
        ("Opening balance", "", "0.00"),
        ("Cash-in", "500.00", "500.00"),
        ("P2P transfer", "-120.50", "379.50"),
        ("Closing balance", "", "379.50"),
    ]
    told = text_of(paper)
    assert "Closing balance 379.50" in told
    assert alice.alias.removeprefix("msisdn:") in told
    assert bob.alias.removeprefix("msisdn:") not in told


@pytest.mark.parametrize("suffix", ["csv", "pdf"])
async def test_nobody_elses_statement_is_taken_away(demo: Town, other: Town, suffix: str) -> None:
    alice, bob = await demo.customer(), await demo.customer()

    told = [
        await statement(bob.person, alice.wallet, suffix),
        await statement(other.staff, alice.wallet, suffix),
        await statement(demo.somebody(["movements:read"]), alice.wallet, suffix),
    ]

    assert [one.status_code for one in told] == [404, 404, 403]


@pytest.mark.parametrize("suffix", ["csv", "pdf"])
async def test_a_span_is_at_most_92_days_and_ends_after_it_begins(demo: Town, suffix: str) -> None:
    alice = await demo.customer()

    told = [
        (await statement(alice.person, alice.wallet, suffix, days=days)).status_code
        for days in (92, 93, 0, -1)
    ]

    assert told == [200, 422, 422, 422]


async def test_a_mini_statement_goes_to_the_wallets_own_number_once_a_minute(
    stack: Operator, demo: Town, books: psycopg.Connection
) -> None:
    alice, bob = await demo.customer("500"), await demo.customer()
    sent = await alice.sends("120.50", bob)
    await alice.balance(sent)

    answers = await asyncio.gather(*(ask(alice.person, alice) for _ in range(3)))
    (message,) = await until(lambda: received(stack, alice.alias.removeprefix("msisdn:")))

    codes = sorted(one.status_code for one in answers)
    assert codes == [202, 429, 429], answers[0].text
    late = next(one for one in answers if one.status_code == 429)
    assert (late.json()["code"], late.headers["Retry-After"]) == ("asked_too_soon", "60")
    told = message["text"].splitlines()
    assert told[0].endswith(": last movements")
    assert (told[1][-7:], told[2][-7:]) == ("-120.50", "+500.00")
    assert told[3] == "Balance KES 379.50"
    events = books.execute(
        "SELECT data ->> 'object', data -> 'body' FROM messaging.event"
        " WHERE type = 'mmo.wallet.mini-statement-asked.v1' AND data ->> 'object' = %s",
        [f"wallet/{alice.wallet}"],
    ).fetchall()
    assert events == [(f"wallet/{alice.wallet}", {})]


async def test_a_mini_statement_of_another_or_of_a_closed_wallet_is_not_sent(
    demo: Town, other: Town
) -> None:
    alice, bob = await demo.customer(), await demo.customer()

    told = [await ask(bob.person, alice), await ask(other.staff, alice)]
    await demo.staff.post(f"/v1/wallets/{alice.wallet}/close")
    closed = await ask(alice.person, alice)

    assert [one.status_code for one in told] == [404, 404]
    assert (closed.status_code, closed.json()["code"]) == (409, "wallet_closed")


async def ask(person: Person, holder: Holder) -> httpx.Response:
    return await person.post(f"/v1/wallets/{holder.wallet}/mini-statement")
