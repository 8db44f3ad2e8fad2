"""Recorded movements priced again by other tariffs: revenue, tax and refusals, old against new."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias, cast

from mmo.pricing.price import CannotPriceError, Ticket, price
from mmo.pricing.schedule import Free
from mmo.pricing.tariff import AGENT, EARNERS, Tariff, read
from mmo.trials.redeciding import Record

About: TypeAlias = tuple[str, str, int | None]
"""Movement type, currency, and product; no product: all that no other tariff is for."""
Prices: TypeAlias = Mapping[str, int]
CANNOT = frozenset({"amount_too_small", "fee_exceeds_amount"})
"""Refusals that are a tariff's own."""
_PARTS = {
    "fees": ("F", "M", "S"), "taxes": ("X", "XM", "XS"), "levy": ("T",),
    "commissions": ("C1", "C2", "C3"), "withheld": ("W1", "W2", "W3"),
}  # fmt: skip


@dataclass(slots=True)
class Takings:
    """What the operator takes and gives, in minor units."""

    fees: int = 0
    taxes: int = 0
    levy: int = 0
    commissions: int = 0
    withheld: int = 0

    def take(self, prices: Prices) -> None:
        """Count a movement of these prices."""
        for name, symbols in _PARTS.items():
            more = sum(prices.get(symbol, 0) for symbol in symbols)
            setattr(self, name, getattr(self, name) + more)


@dataclass(slots=True)
class Repriced:
    """Movements of one type and currency, as they were priced, and as they would be."""

    movements: int = 0
    """Posted then: both sides are about these."""
    volume: int = 0
    """What moved, in minor units."""
    old: Takings = field(default_factory=Takings)
    new: Takings = field(default_factory=Takings)
    dearer: int = 0
    """For whoever pays."""
    cheaper: int = 0
    refused_now: int = 0
    """Posted then; by the new tariff they have no price. They are not in `new`."""
    refused_then: int = 0
    """Without a price then; with the new tariff they have one. They are in neither."""

    def add(self, other: "Repriced") -> None:
        """Count what another has counted."""
        for name in ("movements", "volume", "dearer", "cheaper", "refused_now", "refused_then"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.old, other.old), (self.new, other.new)):
            for name in _PARTS:
                setattr(mine, name, getattr(mine, name) + getattr(theirs, name))


@dataclass(frozen=True, slots=True)
class Tried:
    """Tariffs that are tried."""

    tariffs: Mapping[About, Tariff]

    def find(self, movement: str, currency: str, product: int | None) -> Tariff | None:
        """The tariff for a movement: its product's own, else that of all."""
        own = self.tariffs.get((movement, currency, product))
        return own or self.tariffs.get((movement, currency, None))


def tried(rows: Iterable[Mapping[str, Any]]) -> Tried:
    """Compile tariffs as a back-test keeps them. Raises WrongDocumentError."""
    return Tried({
        (row["movement"], row["currency"], row["product"]): read(row["content"]) for row in rows
    })  # fmt: skip


def reprice(
    record: Record, tariffs: Tried, into: dict[tuple[str, str], Repriced]
) -> None:  # fmt: skip
    """Price one recorded movement again, and count it. A record of another kind counts nothing."""
    meta = record.meta
    if record.step != 1 or "amount" not in meta:
        return
    currency = meta["amount"]["currency"]
    tariff = tariffs.find(meta["movement"], currency, meta.get("product"))
    if tariff is None or (record.refusal is not None and record.refusal not in CANNOT):
        return
    line = into.setdefault((meta["movement"], currency), Repriced())
    new = _priced(tariff, meta)
    if record.refusal is not None:
        line.refused_then += new is not None
        return
    old = cast("Prices", meta["prices"])
    line.movements += 1
    line.volume += old["A"]
    line.old.take(old)
    if new is None:
        line.refused_now += 1
        return
    line.new.take(new)
    line.dearer += _paid(new) > _paid(old)
    line.cheaper += _paid(new) < _paid(old)


def rows_of(counted: Mapping[tuple[str, str], Repriced]) -> list[dict[str, Any]]:
    """As JSON, in one order."""
    return [
        {"movement": movement, "currency": currency, **asdict(line)}
        for (movement, currency), line in sorted(counted.items())
    ]


def read_rows(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Repriced]:
    """Read what `rows_of` wrote."""
    found: dict[tuple[str, str], Repriced] = {}
    for row in rows:
        values: dict[str, Any] = {
            name: value for name, value in row.items() if name not in ("movement", "currency")
        }
        values |= {side: Takings(**row[side]) for side in ("old", "new")}
        found[row["movement"], row["currency"]] = Repriced(**values)
    return found


def _priced(tariff: Tariff, meta: Mapping[str, Any]) -> Prices | None:
    """The new prices of what moved then; None where there is none.

    How many free uses were left is on no record: a charge that is free at first is priced as paid.
    """
    free = (charge for charge in tariff.charges if isinstance(charge.schedule, Free))
    used = {charge.name: cast("Free", charge.schedule).count for charge in free}
    ticket = Ticket(amount=meta["prices"]["A"], earners=_earners(meta), used=used)
    try:
        return price(tariff, ticket).symbols
    except CannotPriceError:
        return None


def _earners(meta: Mapping[str, Any]) -> frozenset[str]:
    """Who could be paid then; a record that does not tell names at least who was."""
    if "earners" in meta:
        return frozenset(meta["earners"])
    paid = {role for role, (symbol, _) in EARNERS.items() if meta["prices"].get(symbol)}
    return frozenset(paid | {AGENT} if "agent" in meta["wallets"] else paid)


def _paid(prices: Prices) -> int:
    return sum(prices.get(symbol, 0) for symbol in ("F", "X", "T"))
