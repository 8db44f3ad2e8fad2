"""The limits of the wallets that take part: what may not move at all, and what is counted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mmo.bep.event import Side
from mmo.kernel.money import Money
from mmo.ledger.posting import UsageRow
from mmo.limits.counting import beyond, counted
from mmo.limits.profile import Direction
from mmo.movements.support.business_events import sides, sides_of
from mmo.movements.support.catalogue import movements
from mmo.movements.support.checks import Considered
from mmo.movements.support.command import Command
from mmo.movements.support.facts import Facts, WalletFacts
from mmo.movements.support.movement import Movement, Step

Taker = tuple[str, Direction, WalletFacts]
_DIRECTIONS: dict[str, Direction] = {"payer": "out", "payee": "in"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What the profiles of all wallets come to."""

    considered: tuple[Considered, ...]
    usage: tuple[UsageRow, ...]
    """Counters for the ledger, which refuses by them under its locks."""
    profiles: tuple[dict[str, Any], ...]
    """For the decision record: which version of which profile was whose."""


def limited(
    movement: Movement, command: Command, amount: int, channel: str | None, facts: Facts
) -> Limited:
    """Hold the amount (minor units) that moves against the profiles of those who take part.

    Raises UnreadableTermError.
    """
    takers = _takers(sides(movement), command.wallets(), facts)
    return _held_against(movement, takers, amount, channel, facts)


def limited_joined(
    movement: Movement, step: Step, joined: Mapping[str, str], amount: int, facts: Facts
) -> Limited:
    """The same of those who join for a later step; nobody tells by which channel they came."""
    found = sides_of(step)
    named: dict[str, Side] = {role.name: found.get(role.name, "any") for role in step.joins}
    return _held_against(movement, _takers(named, joined, facts), amount, None, facts)


def _held_against(
    movement: Movement, takers: Iterable[Taker], amount: int, channel: str | None, facts: Facts
) -> Limited:
    considered: list[Considered] = []
    usage: list[UsageRow] = []
    profiles: list[dict[str, Any]] = []
    for role, direction, wallet in takers:
        found = facts.operator.profiles.find(
            wallet.kind, wallet.tier, wallet.currency, product=wallet.product, at=facts.now
        )
        if found is None:
            continue
        profiles.append({"role": role, "id": found.id, "version": found.version})
        out = beyond(found.content, direction, movement.name, channel, amount)
        if out is not None:
            bound = Money(out.bound, wallet.currency)
            reason = f"the {role}'s limit for one movement is {bound}"
            considered.append(Considered(check=f"{role}.limit", verdict=out.refusal, reason=reason))
        account = wallet.accounts["wallet"].id
        rows = counted(
            found.content, direction, movement.name, channel, amount, facts.today, numbers()
        )
        usage += [
            UsageRow(
                account=account, bucket=row.bucket, period=row.period, amount=row.amount, n=row.n,
                cap_amount=row.cap_amount, cap_n=row.cap_n, refusal=row.refusal,
            )
            for row in rows
        ]  # fmt: skip
    return Limited(considered=tuple(considered), usage=tuple(usage), profiles=tuple(profiles))


def _takers(of: Mapping[str, Side], named: Mapping[str, str], facts: Facts) -> Iterator[Taker]:
    """Who pays and who is paid, as the step's rule has it."""
    for role, side in of.items():
        wallet = facts.wallets.get(named[role]) if role in named else None
        if side in _DIRECTIONS and wallet is not None:
            yield role, _DIRECTIONS[side], wallet


@cache
def numbers() -> dict[str, int]:
    """Movement → its number, by which counters know it."""
    return {name: movement.number for name, movement in movements().items()}
