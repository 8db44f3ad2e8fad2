"""What the first step of a movement costs: by the operator's tariff."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmo.kernel.envelope import Quoted
from mmo.ledger.posting import UsageRow
from mmo.limits.counting import period_of
from mmo.movements.support.catalogue import movements
from mmo.movements.support.command import Command, PricedCommand
from mmo.movements.support.facts import Facts
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request
from mmo.movements.support.terms import Terms, free_bucket, window_of
from mmo.pricing.price import Ticket, price
from mmo.pricing.tariff import AGENT

STALE = "stale"
"""With this refusal a counter's cap does not refuse: it has the price decided again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The values of a rule's symbols (minor units), and what they rest on."""

    prices: Mapping[str, int]
    tariff: Mapping[str, Any] | None = None
    """For the decision record: which version of which tariff, and its lines."""
    usage: tuple[UsageRow, ...] = field(default=())
    """The free uses that the price rests on."""
    free: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name of a charge that is free this time → its period."""


def price_of(movement: Movement, command: Command, product: int | None, facts: Facts) -> Price:
    """Price the movement as it is asked for now. Raises CannotPriceError, UnreadableTermError."""
    minor, currency = command.amount.minor, command.amount.currency
    if not isinstance(command, PricedCommand):
        return Price(prices={"A": minor})
    found = facts.operator.tariffs.terms.find(
        movement.name, currency, product=product, at=facts.now
    )
    if found is None:
        return Price(prices={"A": minor})
    ticket = Ticket(
        amount=minor,
        amount_type=command.amount_type or "receive",
        earners=earners_of(movement, command, facts),
        used=facts.used,
    )
    priced = price(found.content, ticket)
    tariff = {
        "id": found.id, "version": found.version, "lines": [line.row() for line in priced.lines],
    }  # fmt: skip
    free = {one.charge: (one.per, one.count) for one in priced.allowances}
    usage = tuple(_counted(movement, command, free, facts))
    return Price(
        prices=priced.symbols,
        tariff=tariff,
        usage=usage,
        free={charge: per for charge, (per, _) in free.items()},
    )


def promised_price(movement: Movement, command: Command, quoted: Quoted, facts: Facts) -> Price:
    """The price that a quote promised; a use that it found free counts, and is not refused."""
    free = {charge: (per, None) for charge, per in quoted.free.items()}
    usage = tuple(_counted(movement, command, free, facts))
    return Price(prices=quoted.prices, tariff=quoted.tariff, usage=usage, free=quoted.free)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeUse:
    """A counter of free uses that a price may rest on."""

    charge: str
    wallet: str
    bucket: int


def free_uses(terms: Terms, request: Request) -> list[FreeUse]:
    """The counters that the first step of a movement may be priced by, whatever its product."""
    movement, currency = movements()[request.movement], request.command["amount"]["currency"]
    free = terms.tariffs.free.get((movement.name, currency), ())
    if not movement.decides(request.step) or not free or movement.asked_by is None:
        return []
    wallet = movement.parties_of(request.command)[movement.asked_by]
    return [
        FreeUse(charge=name, wallet=wallet, bucket=free_bucket(movement.number, window_of(per)))
        for name, per in free
    ]


def earners_of(movement: Movement, command: Command, facts: Facts) -> frozenset[str]:
    """The agent and those above who can be paid: one who is frozen stops nobody's cash-out.

    Where the agent joins later, nobody knows yet who stands above: all of it is the agent's.
    """
    if any(role.name == AGENT for step in movement.steps for role in step.joins):
        return frozenset({AGENT})
    agent = command.wallets().get("agent")
    known = facts.wallets.get(agent) if agent else None
    above = known.earners.items() if known else ()
    paid = {role for role, wallet in above if facts.wallets[wallet].state == "active"}
    return frozenset({AGENT, *paid}) if known else frozenset()


def _counted(
    movement: Movement, command: Command, free: Mapping[str, tuple[str, int | None]], facts: Facts
) -> Iterator[UsageRow]:
    """Count each free use; where others used it up meanwhile, the price is not true any more.

    `free`: name of a charge → its period, and how many uses of it are free; None: this one is.
    """
    payer = facts.wallets.get(command.wallets()[movement.asked_by]) if movement.asked_by else None
    if payer is None:
        return
    for per, count in free.values():
        window = window_of(per)
        yield UsageRow(
            account=payer.accounts["wallet"].id,
            bucket=free_bucket(movement.number, window),
            period=period_of(window, facts.today),
            amount=0,
            cap_n=count,
            refusal=STALE,
        )
