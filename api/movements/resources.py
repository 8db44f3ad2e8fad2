"""How a movement looks to a client of the API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.deadlines import expiry_of
from mmo.movements.support.symbols import FEES, TAXES
from mmo.movements.support.taking_back import TAKEN_BACK

_AMOUNTS = {"available", "needed", "ceiling", "balance", "held", "amount", "cap_amount"}


def movement_of(row: CommandRow, outcome: Mapping[str, Any] | None) -> dict[str, Any]:
    """The resource of a movement: its command, and what came of it so far."""
    movement, told = movements()[row.type], outcome or {}
    currency, prices = row.body["amount"]["currency"], dict[str, int](told.get("prices") or {})
    state = told.get("state", row.state)
    return {
        "id": str(row.movement_id),
        "type": row.type,
        "state": state,
        "amount": row.body["amount"],
        "parties": movement.parties_of(row.body),
        "fees": priced(prices, FEES, currency),
        "taxes": priced(prices, TAXES, currency),
        "note": row.note,
        "requested_at": row.accepted_at.isoformat(),
        "expires_at": expires_at(row, state),
        "posted_at": _moment(told["at"]) if state in TAKEN_BACK else None,
        "reference": str(told["journal"]) if told.get("journal") else None,
        "refusal": refusal_of(told.get("code"), told.get("detail"), currency),
        "links": links_of(str(row.movement_id), row.body.get("original")),
    }


def expires_at(row: CommandRow, state: str) -> str | None:
    """Until when the movement waits, where it waits and has a deadline of its own."""
    due = expiry_of(row.type, row.body, row.accepted_at) if state.startswith("pending") else None
    return due.isoformat() if due else None


def _moment(written: str) -> str:
    """A moment as every answer writes it: the database leaves zeros out at its end."""
    return datetime.fromisoformat(written).isoformat()


def refusal_of(
    code: str | None, detail: Mapping[str, Any] | None, currency: str
) -> dict[str, Any] | None:
    """Why a movement was refused, or None. What counts minor units is told as an amount."""
    if code is None:
        return None
    details = {
        name: Money(value, currency).value if name in _AMOUNTS and isinstance(value, int) else value
        for name, value in (detail or {}).items()
        if name != "account"
    }
    said: Any = details.get("violations") or [{"reason": REFUSALS[code]}]
    return {"code": code, "reason": said[0]["reason"], "details": details}


def links_of(
    movement: str, original: str | None = None, taken_back_by: Sequence[str] = ()
) -> dict[str, Any]:
    """Where the movement and its timeline are, what it undoes, and by what it was undone."""
    links: dict[str, Any] = {
        "self": f"/v1/movements/{movement}",
        "timeline": f"/v1/movements/{movement}/timeline",
    }
    if original is not None:
        links["original"] = f"/v1/movements/{original}"
    if taken_back_by:
        links["taken_back_by"] = [f"/v1/movements/{one}" for one in taken_back_by]
    return links


def priced(
    prices: Mapping[str, int], symbols: Mapping[str, str], currency: str
) -> list[dict[str, str]]:
    """The charges of a movement that are more than nothing; `symbols`: symbol → who bears it."""
    return [
        {
            "symbol": symbol,
            "borne_by": bearer,
            "value": Money(prices[symbol], currency).value,
            "currency": currency,
        }
        for symbol, bearer in symbols.items()
        if prices.get(symbol)
    ]
