"""Quotes: what a movement costs, promised for a while and kept once."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from mmo.kernel.envelope import Quoted
from mmo.movements.support.checks import Considered
from mmo.movements.support.claims import Claim
from mmo.pricing.tariff import EARNERS


def claims_of(quoted: Quoted | None) -> tuple[Claim, ...]:
    """A quote is kept once: by whatever movement is posted, or held, first."""
    if quoted is None:
        return ()
    return (Claim(of=UUID(quoted.id), amount=1, most=1, refusal="quote_used"),)


def kept(quoted: Quoted, now: datetime, earners: frozenset[str]) -> Iterator[Considered]:
    """Whether the promise still stands. `earners`: roles of the agent tree that can be paid now."""
    if now >= datetime.fromisoformat(quoted.until):
        why = f"the quote held until {quoted.until}"
        yield Considered(check="quote", verdict="quote_expired", reason=why)
        return
    gone = sorted(_earning(quoted.prices) - earners)
    if gone:
        why = f"the quote's {gone[0]} cannot be paid any more"
        yield Considered(check="quote", verdict="quote_expired", reason=why)
        return
    yield Considered(check="quote", verdict="allow")


def _earning(prices: Mapping[str, int]) -> frozenset[str]:
    return frozenset(role for role, (commission, _) in EARNERS.items() if prices.get(commission))
