"""A whole day: the town is opened, its streets live at once, and the books are closed."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.day import closing
from tests.day.asking import Door
from tests.day.beside import Beside
from tests.day.mix import HOURS, Planned, plan
from tests.day.money import value
from tests.day.people import Town
from tests.day.street import Street


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """So many streets with so many movements of the mix each."""

    streets: int
    movements: int
    seed: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What the day came to."""

    town: Town
    tally: Counter[tuple[str, str]]
    hours: Counter[int]
    seconds: float
    differences: dict[str, tuple[int, int]]
    earned: dict[str, int]
    trial_balance: dict[str, int]
    certificates: list[dict[str, Any]]
    issuance: str
    """What it came to while a shilling was missing."""
    watched: dict[str, int]


async def morning(door: Door, size: Size) -> list[Street]:
    """Open the town and its streets."""
    town = Town(door)
    await town.open()
    streets = [Street(town, random.Random(size.seed + number)) for number in range(size.streets)]
    async with asyncio.TaskGroup() as tasks:
        for street in streets:
            tasks.create_task(street.open(size.movements))
    return streets


async def lived(streets: Sequence[Street], size: Size) -> tuple[Counter[int], float]:
    """Let the streets live, all at once; the movements of each hour, and the seconds it took."""
    plans = [plan(size.movements, street.chance) for street in streets]
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for street, planned in zip(streets, plans, strict=True):
            tasks.create_task(_live(street, planned))
    hours = Counter(one.hour for planned in plans for one in planned)
    return hours, time.monotonic() - began


async def _live(street: Street, planned: Sequence[Planned]) -> None:
    beside = Beside(street)
    for event in planned:
        one, other = street.chance.sample(street.customers, 2)
        match event.kind:
            case "cash-out":
                await street.cash_out(one, event.minor)
            case "merchant-payment":
                await street.pay(one, event.minor)
            case "cash-in":
                await street.cash_in(one, event.minor)
            case "p2p-transfer":
                await street.send(one, other, event.minor)
            case _:
                await beside.happens(event.kind, one, other, event.minor)


async def ended(streets: Sequence[Street], hours: Counter[int], seconds: float) -> Day:
    """Close the day, and compare."""
    town = streets[0].town
    earned = await closing.evening(town)
    differences = await closing.differences(town)
    date = await closing.closed(town)
    balance = await closing.trial_balance(town, date)
    certificates, issuance = await closing.certificates(town, date)
    return Day(
        town=town,
        tally=sum((street.tally for street in streets), Counter[tuple[str, str]]()),
        hours=hours,
        seconds=seconds,
        differences=differences,
        earned=earned,
        trial_balance=balance,
        certificates=certificates,
        issuance=issuance,
        watched=await closing.watched(town),
    )


def told(day: Day) -> str:
    """The day in a few lines."""
    asked = sum(day.tally.values())
    lines = [f"{asked:,} outcomes in {day.seconds:.0f} s, {asked / day.seconds:.1f} a second"]
    lines += [f"{kind:30}{how:38}{number:8,}" for (kind, how), number in sorted(day.tally.items())]
    lines += [f"{hour:02} h {day.hours[hour]:6,}" for hour in range(len(HOURS)) if day.hours[hour]]
    lines += [f"{code:30}{value(minor):>22}" for code, minor in day.trial_balance.items()]
    lines += [
        f"e-money {one['emoney']}, banks {one['bank']}, short of {one['shortfall']}"
        for one in day.certificates
    ]
    lines += [f"issuance while it was short: {day.issuance}", f"the watch: {day.watched}"]
    lines += [f"{what}: {number:,}" for what, number in sorted(day.town.door.tally.items())]
    return "\n".join(["", *lines, ""])
