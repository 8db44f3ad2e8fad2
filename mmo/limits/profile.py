"""Limit profiles: what a wallet of one kind and tier may move and hold, as a document says it."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mmo.dated.documents import Amount, Part, read_as, wrong

Direction = Literal["out", "in"]
Channel = Literal["app", "ussd", "agent", "api", "back-office"]
Window = Literal["daily", "weekly", "monthly"]
KIND = "limit-profile"
"""What profiles are called among dated terms."""
LIMITS_MAX = 60
COUNT_MAX = 1_000_000


class Cap(Part):
    """The most within a window: so much in all, so often, or both."""

    value: Amount | None = None
    count: Annotated[int, Field(ge=0, le=COUNT_MAX)] | None = None

    @model_validator(mode="after")
    def caps_something(self) -> Self:
        if self.value is None and self.count is None:
            raise wrong("cap", "say a value, a count, or both")
        return self


class Limit(Part):
    """Limits of one direction: of every movement or of one, of every channel or of one."""

    direction: Direction
    movement: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")] | None = None
    channel: Channel | None = None
    min: Amount | None = None
    max: Amount | None = None
    daily: Cap | None = None
    weekly: Cap | None = None
    monthly: Cap | None = None

    @model_validator(mode="after")
    def limits_something(self) -> Self:
        if self.min is not None and self.max is not None and self.max < self.min:
            raise wrong("max", "the most is less than the least", "/max")
        if not any((self.min, self.max is not None, *self.caps)):
            raise wrong("limit", "it limits nothing")
        return self

    @property
    def caps(self) -> dict[Window, Cap]:
        """The caps that there are."""
        every: dict[Window, Cap | None] = {
            "daily": self.daily, "weekly": self.weekly, "monthly": self.monthly,
        }  # fmt: skip
        return {window: cap for window, cap in every.items() if cap is not None}

    def concerns(self, direction: Direction, movement: str, channel: str | None) -> bool:
        """Whether it is about such a movement."""
        return (
            self.direction == direction
            and self.movement in (None, movement)
            and self.channel in (None, channel)
        )


def _each_once(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    seen: set[tuple[str, str | None, str | None]] = set()
    for index, one in enumerate(limits):
        slot = (one.direction, one.movement, one.channel)
        if slot in seen:
            raise wrong("limit", "another limit is about the same", f"/{index}")
        seen.add(slot)
    return limits


class Profile(Part):
    """What one kind of wallet may do at one tier, in one currency."""

    currency: str
    balance: Amount | None = None
    """The most that the wallet may hold."""
    limits: Annotated[
        tuple[Limit, ...], Field(max_length=LIMITS_MAX), AfterValidator(_each_once)
    ] = ()


def read(document: Any) -> Profile:
    """Check a document (JSON), and hold it in minor units. Raises WrongDocumentError."""
    return read_as(Profile, document)
