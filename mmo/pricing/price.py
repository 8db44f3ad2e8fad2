"""One pure function: what a movement costs, who bears it, and who earns by it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mmo.pricing.rounding import rounded
from mmo.pricing.schedule import PARTS, Free, paid
from mmo.pricing.solving import largest
from mmo.pricing.tariff import AGENT, EARNERS, LEVY, SYMBOLS, Charge, Payer, Tariff


class CannotPriceError(Exception):
    """The tariff gives the movement no price. `code`: a published refusal's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What is to be priced. Raises ValueError for an amount that is not above 0."""

    amount: int
    """Minor units of the tariff's currency."""
    amount_type: Literal["receive", "send"] = "receive"
    """Whether the amount is what arrives, or what leaves the sender in all."""
    earners: frozenset[str] = frozenset()
    """Roles of the agent tree that are there: agent, super-agent, master-agent."""
    used: Mapping[str, int] = field(default_factory=dict[str, int])
    """Name of a free charge → how many were used in its period."""

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("a movement moves something")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """What a customer is shown: one fee or the levy, with the tax on it. Minor units."""

    charge: str
    payer: Payer
    symbol: str
    amount: int
    tax: int = 0

    def row(self) -> dict[str, Any]:
        """The line as the decision record keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A free use that a price rests on: of `count` in each period."""

    charge: str
    per: Literal["day", "week", "month"]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """The price. Symbols: `A` always, the others only where they are not 0; minor units."""

    symbols: Mapping[str, int]
    lines: tuple[PriceLine, ...]
    allowances: tuple[Allowance, ...]


def price(tariff: Tariff, ticket: Ticket) -> Priced:
    """Price a movement. The answer depends on the arguments alone. Raises CannotPriceError.

    Codes: `amount_too_small` where fees leave nothing to arrive, `fee_exceeds_amount` where the
    receiver would bear more than arrives.
    """
    amount = ticket.amount if ticket.amount_type == "receive" else _arriving(tariff, ticket)
    lines = tuple(lines_of(tariff, amount, ticket.used))
    if sum(line.amount + line.tax for line in lines if line.payer == "receiver") > amount:
        raise CannotPriceError("fee_exceeds_amount")
    symbols = {"A": amount}
    for line in lines:
        _add(symbols, line.symbol, line.amount)
        if line.tax:
            _add(symbols, SYMBOLS[line.payer][1], line.tax)
    for role, earned in _earned(tariff, amount, ticket.earners).items():
        commission, withheld = EARNERS[role]
        _add(symbols, commission, earned)
        _add(symbols, withheld, _withheld(tariff, earned))
    allowances = tuple(_allowances(tariff, ticket.used))
    return Priced(symbols=symbols, lines=lines, allowances=allowances)


def _add(symbols: dict[str, int], symbol: str, minor: int) -> None:
    if minor:
        symbols[symbol] = symbols.get(symbol, 0) + minor


def lines_of(tariff: Tariff, amount: int, used: Mapping[str, int]) -> Iterator[PriceLine]:
    """What each side bears for an amount: every charge with its tax, and the levy."""
    for charge in tariff.charges:
        fee = _fee(tariff, charge, amount, used)
        parts: dict[Payer, int] = {charge.payers[0]: fee}
        if charge.sender_share is not None:  # shared: what the sender does not bear is the other's
            own = rounded(fee * charge.sender_share, tariff.rounding)
            parts = {"sender": own, "receiver": fee - own}
        for payer, part in parts.items():
            tax = rounded(part * (charge.tax or 0), tariff.rounding)
            yield PriceLine(
                charge=charge.name, payer=payer, symbol=SYMBOLS[payer][0], amount=part, tax=tax
            )
    if tariff.levy is not None:
        levy = rounded(tariff.levy.exact(amount), tariff.rounding)
        yield PriceLine(charge="levy", payer="sender", symbol=LEVY, amount=levy)


def _fee(tariff: Tariff, charge: Charge, amount: int, used: Mapping[str, int]) -> int:
    if _is_free(charge, used):
        return 0
    return rounded(paid(charge.schedule).exact(amount), tariff.rounding)


def _is_free(charge: Charge, used: Mapping[str, int]) -> bool:
    schedule = charge.schedule
    return isinstance(schedule, Free) and used.get(charge.name, 0) < schedule.count


def _allowances(tariff: Tariff, used: Mapping[str, int]) -> Iterator[Allowance]:
    for charge in tariff.charges:
        schedule = charge.schedule
        if isinstance(schedule, Free) and _is_free(charge, used):
            yield Allowance(charge=charge.name, per=schedule.per, count=schedule.count)


def _earned(tariff: Tariff, amount: int, earners: frozenset[str]) -> dict[str, int]:
    """Role → its commission, gross. They add up to the whole."""
    terms = tariff.commission
    if terms is None or AGENT not in earners:
        return {}
    whole = rounded(terms.schedule.exact(amount), tariff.rounding)
    parts = {one.role: whole * one.share // PARTS for one in terms.split if one.role in earners}
    taker = terms.remainder if terms.remainder in earners else AGENT
    rest = whole - sum(parts.values())
    return parts | {taker: parts.get(taker, 0) + rest}


def _withheld(tariff: Tariff, earned: int) -> int:
    terms = tariff.commission
    return rounded(earned * (terms.withholding or 0), tariff.rounding) if terms else 0


def _arriving(tariff: Tariff, ticket: Ticket) -> int:
    """What arrives when so much leaves the sender in all."""

    def total(amount: int) -> int:
        lines = lines_of(tariff, amount, ticket.used)
        return amount + sum(line.amount + line.tax for line in lines if line.payer == "sender")

    edges = [edge for charge in tariff.charges for edge in paid(charge.schedule).edges]
    amount = largest(total, edges, ticket.amount)
    if amount == 0:
        raise CannotPriceError("amount_too_small")
    return amount
