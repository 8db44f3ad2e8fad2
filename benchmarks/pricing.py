"""What a price costs: microseconds of price() by kind of schedule, and with everything on it."""

import random
import time
from dataclasses import dataclass
from typing import Any

from mmo.pricing.price import Ticket, price
from mmo.pricing.tariff import Tariff, read

BANDS = 50
EARNERS = frozenset({"agent", "super-agent"})
_STARTS = [f"{number * 100}" for number in range(BANDS)]
SCHEDULES: dict[str, dict[str, Any]] = {
    "flat": {"kind": "flat", "amount": "10"},
    "percent": {"kind": "percent", "rate": "0.0125", "floor": "5", "cap": "300"},
    f"banded_flat, {BANDS} bands": {
        "kind": "banded_flat",
        "bands": [{"from": start, "amount": start} for start in _STARTS],
    },
    f"banded_percent, {BANDS} bands": {
        "kind": "banded_percent",
        "bands": [{"from": start, "rate": "0.01"} for start in _STARTS],
    },
    f"tiered_marginal, {BANDS} tiers": {
        "kind": "tiered_marginal",
        "tiers": [{"from": start, "rate": "0.01"} for start in _STARTS],
    },
    "free": {"kind": "free", "count": 2, "per": "day", "then": {"kind": "flat", "amount": "10"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of processor time for one price."""

    what: str
    receive_us: float
    """Where the amount is what arrives."""
    send_us: float
    """Where it is what leaves, and the largest that arrives is looked for."""


def tariffs() -> dict[str, Tariff]:
    """One charge of each kind, and a cash-out with tax, levy and a split commission."""
    found = {what: _charged(schedule) for what, schedule in SCHEDULES.items()}
    earned = {
        "schedule": {"kind": "percent", "rate": "0.004"},
        "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
        "withholding": "0.05",
    }
    levy = {"rate": "0.002", "cap": "50"}
    return found | {
        "percent, levy and commission": _charged(SCHEDULES["percent"], levy=levy, commission=earned)
    }


def _charged(schedule: dict[str, Any], **more: Any) -> Tariff:
    charge = {"name": "fee", "payer": "sender", "tax": "0.20", "schedule": schedule}
    return read({"currency": "KES", "charges": [charge], **more})


def measure(seconds: float) -> list[Cost]:
    """Each kind, as long as that."""
    chance = random.Random(7)
    amounts = [chance.randrange(100_00, 6_000_00) for _ in range(1_000)]
    return [
        Cost(
            what=what,
            receive_us=_us(tariff, [Ticket(amount=a, earners=EARNERS) for a in amounts], seconds),
            send_us=_us(
                tariff,
                [Ticket(amount=a, amount_type="send", earners=EARNERS) for a in amounts],
                seconds,
            ),
        )
        for what, tariff in tariffs().items()
    ]


def _us(tariff: Tariff, tickets: list[Ticket], seconds: float) -> float:
    done, began = 0, time.thread_time()
    while (spent := time.thread_time() - began) < seconds:
        for ticket in tickets:
            price(tariff, ticket)
        done += len(tickets)
    return round(spent / done * 1e6, 1)


def table(costs: list[Cost]) -> str:
    """The table, in Markdown."""
    lines = [
        "| schedule | µs a price | µs where the amount is what leaves |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {one.what} | {one.receive_us} | {one.send_us} |" for one in costs]
    return "\n".join(lines)
