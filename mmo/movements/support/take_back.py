"""Asking for a movement to be undone: what the caller says, and the command that it comes to."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmo.movements.support.command import Amount, Command, Note, Role, WalletRef

KINDS = ("agent", "customer", "merchant", "super_agent")
OriginalId = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        description="The movement that is to be undone.",
        examples=["01a20d90-aad9-74da-86e7-b88028f797b9"],
    ),
]


class TakeBack(Command):
    """The original and so much of it; the wallets are the original's, the other way round."""

    original: OriginalId
    payer: Annotated[WalletRef, Role("payer", *KINDS)]
    payee: Annotated[WalletRef | None, Role("payee", *KINDS)] = None
    """None: it came from the operator."""
    fees: Literal["kept"] | None = None
    if_short: Literal["lien"] | None = None

    @property
    def sets_aside(self) -> bool:
        """What may be collected for half a year need not be set aside before."""
        return self.if_short is None


class TakeBackBody(BaseModel):
    """What a caller says. The door finds out the rest, and makes the command of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    original: OriginalId
    amount: (
        Annotated[Amount, Field(description="So much of it; by default what is left.")] | None
    ) = None
    note: Note | None = None

    def canonical(self) -> dict[str, Any]:
        """What was asked, as the fingerprint of the request sees it."""
        return self.model_dump(mode="json", exclude={"note"}, exclude_none=True)

    def choices(self) -> dict[str, Any]:
        """What the command takes over as it was said; a default is left out."""
        return {}
