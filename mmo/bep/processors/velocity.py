"""Velocity: how many movements, and how much in sum, within a window of time.

The trade's own rule against smurfing, bots and lost phones; it counts the event that asks, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mmo.bep.event import BusinessEvent, EventKind, Phase
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.processor import MetadataError, Offers, Validator
from mmo.bep.spelling import Settings
from mmo.bep.verdict import Allow, Refuse, Verdict
from mmo.kernel.money import LARGEST_MINOR
from mmo.kernel.spelling import nearest

REFUSAL = "velocity_exceeded"
DAY_S = 86_400
LIMITS_MAX = 10
By = Literal["wallet", "agent", "counterparty", "device"]


class Limit(Settings):
    """At most so many, or so much, within a window that ends now."""

    by: By = Field(
        title="Counted by",
        description="wallet: all of the side's movements. agent: those of the agent. counterparty:"
        " those between the two. device: those of the side that came from the same device.",
    )
    side: Literal["payer", "payee"] = Field(default="payer", title="Whose movements")
    window_seconds: int = Field(title="Window", ge=60, le=31 * DAY_S)
    max_number: int | None = Field(default=None, title="At most so many", ge=0, le=1_000_000)
    max_minor: int | None = Field(
        default=None, title="At most so much, in minor units", ge=0, le=LARGEST_MINOR
    )
    currency: str | None = Field(
        default=None, title="Currency", description="Sums of other currencies are not held to it."
    )

    @model_validator(mode="after")
    def limits_something(self) -> Self:
        if self.max_number is None and self.max_minor is None:
            raise PydanticCustomError("no_limit", "say maxNumber, maxMinor, or both")
        return self


class VelocityLimits(Settings):
    """Limits that all hold."""

    limits: tuple[Limit, ...] = Field(title="Limits", min_length=1, max_length=LIMITS_MAX)


class Velocity(Validator[VelocityLimits]):
    """Refuse what would exceed a limit, naming every limit that it would exceed."""

    name = "velocity"
    title = "Velocity"
    help = "Limits how many movements, and how much in sum, there are within a window of time."
    metadata = VelocityLimits

    def fits(self, kind: EventKind) -> bool:
        return Phase.PRE in kind.phases and bool({"payer", "payee"} & set(kind.parties.values()))

    def options(self, offers: Offers) -> Mapping[str, Any]:
        by = ["wallet", "agent", "counterparty", "device"]
        return {"by": by, "side": ["payer", "payee"], "currency": list(offers.currencies)}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> VelocityLimits:
        metadata = self.stored(written)
        wrong = [
            (f"/limits/{index}/{field}", what)
            for index, limit in enumerate(metadata.limits)
            for field, what in _wrong(limit, kind, offers)
        ]
        if wrong:
            raise MetadataError(*wrong)
        return metadata

    def needs(self, metadata: VelocityLimits, kind: EventKind) -> Sequence[Need]:
        found = (_need(limit, kind) for limit in metadata.limits)
        return tuple(dict.fromkeys(need for need in found if need))

    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: VelocityLimits) -> Verdict:
        exceeded = [
            told
            for limit in metadata.limits
            if (need := _need(limit, event.kind))
            and (told := _exceeded(limit, event, facts.value(need)))
        ]
        if not exceeded:
            return Allow()
        reason = "; ".join(f"{told['by']}: {told['reason']}" for told in exceeded)
        return Refuse(REFUSAL, reason, {"limits": exceeded})


def _need(limit: Limit, kind: EventKind) -> Need | None:
    """What is to be counted for a limit; None where nobody stands there."""
    party = _role_on(limit.side, kind)
    if limit.by == "agent":
        party = "agent" if "agent" in kind.parties else None
    if party is None:
        return None
    window = limit.window_seconds
    if limit.by == "counterparty":
        other = _role_on("payee" if limit.side == "payer" else "payer", kind)
        if other is None:
            return None
        return Need("velocity", party, window_s=window, by="counterparty", other=other)
    by = "device" if limit.by == "device" else "wallet"
    return Need("velocity", party, window_s=window, by=by)


def _role_on(side: str, kind: EventKind) -> str | None:
    """Who stands on that side: the role of that name, else the first."""
    there = sorted(role for role, stands in kind.parties.items() if stands == side)
    return side if side in there else next(iter(there), None)


def _exceeded(limit: Limit, event: BusinessEvent, used: Any) -> dict[str, Any] | None:
    """The limit, how much of it is used, and why that is too much; None where it is not.

    Nothing was read for who came from no known device, or has no wallet: nothing to count there.
    """
    if used is None:
        return None
    number, total = used["n"] + 1, used["sum"]
    told = {**limit.model_dump(mode="json", exclude_none=True), "used": dict(used)}
    if limit.max_number is not None and number > limit.max_number:
        many = f"this would be number {number} of {limit.max_number} within {_window(limit)}"
        return told | {"reason": many}
    amount = event.amount
    if limit.max_minor is None or amount is None:
        return None
    if limit.currency not in (None, amount.currency) or total + amount.minor <= limit.max_minor:
        return None
    much = f"{total + amount.minor} of {limit.max_minor} minor units within {_window(limit)}"
    return told | {"reason": much}


def _window(limit: Limit) -> str:
    seconds = limit.window_seconds
    for unit, length in (("days", DAY_S), ("hours", 3600), ("minutes", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"


def _wrong(limit: Limit, kind: EventKind, offers: Offers) -> Iterator[tuple[str, str]]:
    if _need(limit, kind) is None:
        yield "by", f"nobody to count by: {kind.name} has {', '.join(sorted(kind.parties))}"
    if limit.max_minor is not None and not kind.amount:
        yield "maxMinor", f"{kind.name} carries no amount"
    if limit.currency is not None and limit.currency not in offers.currencies:
        yield "currency", f"unknown; {nearest(limit.currency, offers.currencies)}"
