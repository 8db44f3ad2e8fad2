"""The end of the day: what is paid out and swept, the books closed, and all of it compared."""

import asyncio
import time
from typing import Any

from tests.day.model import (
    EXCISE,
    FEES,
    LEVY,
    TRUST,
    WHT,
    Account,
    moved,
)
from tests.day.money import SHILLING, minor
from tests.day.people import EARNS, Holder, Town

CLOSED_S, LOOK_S = 120.0, 0.5
REDEEMED = 1_000_000_00
REDEMPTIONS = Account("REDEMPTION_PENDING")


async def evening(town: Town) -> dict[str, int]:
    """Commissions are paid out, fees swept, taxes remitted; what was earned in all, by code."""
    earned = {account.code: town.books.balances[account] for account in (FEES, EXCISE, LEVY, WHT)}
    for one in town.holders:
        if one.kind in EARNS:
            await _pays_out(town, one)
    await _redeems(town)
    await _leaves(town, "fee-sweep", FEES, {})
    for tax, account in (("excise", EXCISE), ("levy", LEVY), ("withholding", WHT)):
        await _leaves(town, "tax-remittance", account, {"tax": tax})
    return earned


async def _pays_out(town: Town, one: Holder) -> None:
    much = town.books.balances[one.commission]
    if much:
        answer = await one.person.move("commission-payout", much, {"agent": one.wallet})
        assert answer.status_code == 201, answer.text
        town.books.post(moved(one.commission, one.account, much))


async def _redeems(town: Town) -> None:
    """The super-agent has e-money turned into money at its bank."""
    chief = town.chief
    asked = await chief.person.move("emoney-redemption", REDEEMED, {"holder": chief.wallet})
    assert asked.status_code == 202, asked.text
    where = f"/v1/movements/{asked.json()['id']}/bank-answer"
    town.bank.books(-REDEEMED)
    paid = await town.staff.post(where, {"answer": "paid"}, Prefer="wait=25")
    assert paid.status_code == 201, paid.text
    town.books.post(moved(chief.account, TRUST, REDEEMED))


async def _leaves(town: Town, kind: str, account: Account, about: dict[str, Any]) -> None:
    """Whole shillings leave the trust; the cents stay for tomorrow."""
    much = town.books.balances[account] // SHILLING * SHILLING
    if much:
        about = {**about, "bank_reference": town.bank.books(-much)}
        answer = await town.staff.move(kind, much, about)
        assert answer.status_code == 201, answer.text
        town.books.post(moved(account, TRUST, much))


async def differences(town: Town) -> dict[str, tuple[int, int]]:
    """Wallet → what the API says and what the model says, where they are not the same."""
    found: dict[str, tuple[int, int]] = {}
    for one in town.holders:
        where = f"/v1/wallets/{one.wallet}/balance"
        answer = await one.person.get(where, **{"If-Projected": str(town.door.position)})
        assert answer.status_code == 200, answer.text
        told, known = minor(answer.json()["available"]), town.books.balances[one.account]
        if told != known:
            found[f"{one.kind} {one.wallet}"] = told, known
    return found


async def closed(town: Town) -> str:
    """Cut the day off, and wait until it is closed; its date."""
    cut = await town.staff.post("/v1/books/days")
    assert cut.status_code == 202, cut.text
    day, deadline = cut.json()["date"], time.monotonic() + CLOSED_S
    while (await town.staff.get(f"/v1/books/days/{day}")).json()["state"] != "closed":
        assert time.monotonic() < deadline, "the day was not closed"
        await asyncio.sleep(LOOK_S)
    return day


async def trial_balance(town: Town, day: str) -> dict[str, int]:
    """Code → closing balance, of both books; each has equal debits and credits."""
    answer = await town.staff.get(f"/v1/books/days/{day}/trial-balance")
    books = answer.json()["books"]
    assert all(book["debits"] == book["credits"] for book in books), books
    return {line["code"]: minor(line["closing"]) for book in books for line in book["lines"]}


async def certificates(town: Town, day: str) -> tuple[list[dict[str, Any]], str]:
    """The proof of the trust after each bank's statement, and what issuance came to between them.

    A shilling is missing in the first statement: the second bank has it.
    """
    first, second = town.bank.statements(day, elsewhere=SHILLING)
    short = await _proved(town, day, first)
    issuance = await _issuance_once_seen(town)
    return [short, await _proved(town, day, second)], issuance


async def _proved(town: Town, day: str, statement: dict[str, Any]) -> dict[str, Any]:
    filed = await town.staff.post("/v1/trust/statements", statement)
    assert filed.status_code == 201, filed.text
    answer = await town.staff.get(f"/v1/trust/certificates/{day}")
    (told,) = answer.json()["certificates"]
    return told


async def _issuance_once_seen(town: Town) -> str:
    """Ask for e-money once the watch has seen what is missing; the refusal, or the state."""
    deadline = time.monotonic() + CLOSED_S
    while not (found := await watched(town)).get("trust"):
        assert time.monotonic() < deadline, f"the watch sees nothing: {found}"
        await asyncio.sleep(LOOK_S)
    about = {"recipient": town.chief.wallet, "bank_reference": "NOT THERE"}
    told = (await town.staff.move("emoney-issuance", SHILLING, about)).json()
    return told.get("code") or told["state"]


async def watched(town: Town) -> dict[str, int]:
    """Invariant → what the watch over the books found against it."""
    told = (await town.staff.get("/v1/books/watch")).json()["items"]
    return {one["invariant"]: one["violations"] for one in told}
