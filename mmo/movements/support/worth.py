"""What a step is worth: the values of its symbols, and what they count for in limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmo.dated.in_force import UnreadableTermError
from mmo.ledger.posting import UsageRow
from mmo.limits.counting import BALANCE
from mmo.movements.support.checks import Considered
from mmo.movements.support.command import Command
from mmo.movements.support.facts import Facts
from mmo.movements.support.limiting import limited, limited_joined
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request
from mmo.movements.support.pricing import Price, earners_of, price_of, promised_price
from mmo.movements.support.quoting import kept
from mmo.movements.support.rules import product_of
from mmo.pricing.price import CannotPriceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Prices in minor units, and what they rest on."""

    prices: Mapping[str, int] = field(default_factory=dict[str, int])
    tariff: Mapping[str, Any] | None = None
    """Which version of which tariff, with the lines that a customer is shown."""
    usage: tuple[UsageRow, ...] = ()
    profiles: tuple[dict[str, Any], ...] = ()
    """Whose limits were looked at, and at which version."""
    considered: tuple[Considered, ...] = ()
    """What speaks against it."""
    free: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name of a charge that is free this time → its period."""


NOTHING = Worth()


def worth_of(movement: Movement, command: Command, request: Request, facts: Facts) -> Worth:
    """Price and limit the first step; what is on record already is neither done again.

    A hold has counted in the limits; what the receiver may hold is looked at once more. Whoever
    joins for a later step is held to their own limits then.
    """
    try:
        if request.step < movement.decided_at:
            return NOTHING
        if not movement.decides(request.step):
            return _later(movement, command, request, facts)
        return _first(movement, command, request, facts)
    except CannotPriceError as error:
        return _unpriced(command, error.code, "the tariff gives it no price")
    except UnreadableTermError as error:
        return _unpriced(command, "terms_unreadable", f"{error} cannot be read")


def _later(movement: Movement, command: Command, request: Request, facts: Facts) -> Worth:
    prices = facts.terms or {"A": command.amount.minor}
    step = movement.step(request.step)
    limits = limited_joined(movement, step, request.joined, prices["A"], facts)
    return Worth(
        prices=prices,
        tariff=facts.tariff,
        usage=limits.usage,
        profiles=limits.profiles,
        considered=limits.considered,
    )


def _first(movement: Movement, command: Command, request: Request, facts: Facts) -> Worth:
    quoted, kept_or_not = request.envelope.quoted, ()
    if facts.terms is not None:
        price = Price(prices=facts.terms, tariff=facts.tariff)
    elif quoted is not None:
        kept_or_not = tuple(kept(quoted, facts.now, earners_of(movement, command, facts)))
        price = promised_price(movement, command, quoted, facts)
    else:
        parties = {role: str(wallet) for role, wallet in command.wallets().items()}
        price = price_of(movement, command, product_of(movement, parties, facts), facts)
    channel = request.envelope.actor.attributes.get("channel")
    limits = limited(movement, command, price.prices["A"], channel, facts)
    counts = (row for row in limits.usage if facts.terms is None or row.bucket == BALANCE)
    return Worth(
        prices=price.prices,
        tariff=price.tariff,
        usage=(*price.usage, *counts),
        profiles=limits.profiles,
        considered=(*kept_or_not, *limits.considered),
        free=price.free,
    )


def _unpriced(command: Command, code: str, why: str) -> Worth:
    against = Considered(check="terms", verdict=code, reason=why)
    return Worth(prices={"A": command.amount.minor}, considered=(against,))
