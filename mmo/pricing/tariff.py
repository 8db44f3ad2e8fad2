"""Tariffs: the charges, the levy and the commission of a movement, as a document says them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from mmo.dated.documents import Part, read_as, unknown, wrong
from mmo.pricing.rounding import Rounding
from mmo.pricing.schedule import (
    PARTS,
    Free,
    Paid,
    Percentage,
    Rate,
    Schedule,
)

Payer = Literal["sender", "receiver", "third_party"]
SYMBOLS: Mapping[Payer, tuple[str, str]] = {
    "sender": ("F", "X"), "receiver": ("M", "XM"), "third_party": ("S", "XS"),
}  # fmt: skip
"""Who bears a fee → the symbols of the fee and of its tax."""
LEVY = "T"
KIND = "tariff"
"""What tariffs are called among dated terms."""
AGENT = "agent"
EARNERS: Mapping[str, tuple[str, str]] = {
    AGENT: ("C1", "W1"), "super-agent": ("C2", "W2"), "master-agent": ("C3", "W3"),
}  # fmt: skip
"""Role of the agent tree → the symbols of its commission and of what is withheld."""
CHARGES_MAX = 20


def _earner(written: object) -> object:
    if not isinstance(written, str) or written not in EARNERS:
        raise wrong("role", unknown("role", written, list(EARNERS)))
    return written


Role = Annotated[str, BeforeValidator(_earner), WithJsonSchema({"enum": list(EARNERS)})]


class Charge(Part):
    """One fee, with the tax on top of it, and who bears both."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    payer: Literal["sender", "receiver", "third_party", "shared"]
    sender_share: Rate | None = None
    schedule: Schedule
    tax: Rate | None = None

    @model_validator(mode="after")
    def shared_or_not(self) -> Self:
        if self.payer == "shared" and self.sender_share is None:
            raise wrong("share", "say the sender's share of a shared fee", "/sender_share")
        if self.payer != "shared" and self.sender_share is not None:
            raise wrong("share", "only a shared fee has a sender's share", "/sender_share")
        return self

    @property
    def payers(self) -> tuple[Payer, ...]:
        """Who bears a part of it."""
        return ("sender", "receiver") if self.payer == "shared" else (self.payer,)


class Share(Part):
    """What part of a commission a role earns."""

    role: Role
    share: Rate


def _whole(split: tuple[Share, ...]) -> tuple[Share, ...]:
    roles = [one.role for one in split]
    if len(set(roles)) < len(roles):
        raise wrong("split", "a role earns one share")
    if sum(one.share for one in split) != PARTS:
        raise wrong("split", "the shares add up to 1")
    return split


class Commission(Part):
    """What agents earn, how they share it, and what is withheld from each.

    Each share is rounded down, and the rest goes to `remainder`. So does the share of a role that
    is not there; where `remainder` itself is not there, the agent takes its place.
    """

    schedule: Paid
    split: Annotated[tuple[Share, ...], Field(min_length=1), AfterValidator(_whole)]
    withholding: Rate | None = None
    remainder: Role = AGENT

    @model_validator(mode="after")
    def remainder_earns(self) -> Self:
        if self.remainder not in {one.role for one in self.split}:
            raise wrong("remainder", "name one of the roles that earn", "/remainder")
        return self


def _named_once(charges: tuple[Charge, ...]) -> tuple[Charge, ...]:
    seen: set[str] = set()
    for index, charge in enumerate(charges):
        if charge.name in seen:
            raise wrong("name", "another charge has that name", f"/{index}/name")
        seen.add(charge.name)
    free = [index for index, one in enumerate(charges) if isinstance(one.schedule, Free)]
    if len(free) > 1:
        raise wrong("free", "one charge may be free at first", f"/{free[1]}/schedule")
    return charges


class Tariff(Part):
    """The prices of one movement in one currency."""

    currency: str
    rounding: Rounding = "half_even"
    charges: Annotated[
        tuple[Charge, ...], Field(max_length=CHARGES_MAX), AfterValidator(_named_once)
    ] = ()
    levy: Percentage | None = None
    commission: Commission | None = None

    @property
    def symbols(self) -> frozenset[str]:
        """Every symbol that a price may have beside `A`."""
        found: set[str] = {LEVY} if self.levy else set()
        for charge in self.charges:
            for payer in charge.payers:
                fee, tax = SYMBOLS[payer]
                found |= {fee, tax} if charge.tax else {fee}
        if self.commission:
            for share in self.commission.split:
                earned, withheld = EARNERS[share.role]
                found |= {earned, withheld} if self.commission.withholding else {earned}
        return frozenset(found)


def read(document: Any) -> Tariff:
    """Check a document (JSON), and hold it in minor units and millionths.

    Raises WrongDocumentError.
    """
    return read_as(Tariff, document)
