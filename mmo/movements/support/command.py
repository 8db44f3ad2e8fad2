"""Commands: what a caller asks for, as a frozen model that checks itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mmo.kernel.identifiers import WalletId
from mmo.kernel.money import AmountError, Money
from mmo.kernel.text import is_line
from mmo.movements.support.claims import Claim


@dataclass(frozen=True, slots=True, init=False)
class Role:
    """Marks a field of a command: the wallet that stands in this role, and of which kinds."""

    name: str
    kinds: frozenset[str]

    def __init__(self, name: str, *kinds: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "kinds", frozenset(kinds))


WALLET_PATTERN = (
    r"^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|msisdn:\+[1-9][0-9]{6,14})$"
)

WalletRef = Annotated[
    WalletId,
    Field(
        min_length=8,
        max_length=40,
        pattern=WALLET_PATTERN,
        description="A wallet's id, or an alias of it such as msisdn:+254700000001.",
    ),
]
"""A wallet as a caller names it."""


BankReference = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 /:.-]{0,34}$",
        description="The reference of the entry on the trust bank's statement.",
    ),
]
"""By which a line of the bank's statement is found."""


def _read(value: Any) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, dict) or set(value) != {"value", "currency"}:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError("an amount has a value and a currency, both strings")
    written, currency = value["value"], value["currency"]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(written, str) or not isinstance(currency, str):
        raise ValueError("an amount has a value and a currency, both strings")
    try:
        return Money.parse(written, currency)
    except AmountError as error:
        raise PydanticCustomError("amount_invalid", "{why}", {"why": str(error)}) from None


def _positive(money: Money) -> Money:
    if money.minor <= 0:
        raise PydanticCustomError("amount_invalid", "the amount must be more than zero")
    return money


def _write(money: Money) -> dict[str, str]:
    return {"value": money.value, "currency": money.currency}


AMOUNT_SCHEMA = {
    "type": "object",
    "required": ["value", "currency"],
    "additionalProperties": False,
    "properties": {
        "value": {
            "type": "string",
            "pattern": r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?$",
            "maxLength": 18,
            "description": "A plain decimal in the currency's own digits.",
            "examples": ["1000.00"],
        },
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["KES"]},
    },
}

Amount = Annotated[
    Money,
    BeforeValidator(_read),
    AfterValidator(_positive),
    PlainSerializer(_write),
    WithJsonSchema(AMOUNT_SCHEMA),
]
"""Money on the wire: {"value": "1000.00", "currency": "KES"}, more than zero."""


def _line(note: str) -> str:
    if not is_line(note):
        raise PydanticCustomError("text_invalid", "a note is one line of what can be printed")
    return note


Note = Annotated[
    str, Field(max_length=140, description="Shown to both parties."), AfterValidator(_line)
]


class Command(BaseModel):
    """What a caller asks for. Its fields of a `party` type say which wallets take part."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    amount: Amount
    note: Note | None = None

    parties: ClassVar[dict[str, Role]] = {}
    """Field → role; read off the types, so that none can be forgotten."""
    private: ClassVar[frozenset[str]] = frozenset()
    """Fields that a caller sends and that neither histories nor the command table may know."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        hints = get_type_hints(cls, include_extras=True)
        found = {name: _role_of(hint) for name, hint in hints.items()}
        cls.parties = {name: role for name, role in found.items() if role is not None}

    @model_validator(mode="after")
    def no_wallet_stands_twice(self) -> Self:
        wallets = list(self.wallets().values())
        if len(set(wallets)) != len(wallets):
            raise PydanticCustomError("same_party", "the same wallet stands on both sides")
        return self

    def wallets(self) -> dict[str, WalletId]:
        """Role → wallet, as written by the caller. Roles that nobody stands in are left out."""
        named = {role.name: getattr(self, name) for name, role in type(self).parties.items()}
        return {role: wallet for role, wallet in named.items() if wallet is not None}

    @property
    def sets_aside(self) -> bool:
        """Whether what waits for approval sets the money aside."""
        return True

    def claims(self) -> tuple[Claim, ...]:
        """What its first step takes of something that there is only so much of."""
        return ()

    def resolved(self, ids: Mapping[str, str]) -> Self:
        """The same command with every wallet named by its id. `ids`: as written → id."""
        written = {name: getattr(self, name) for name in type(self).parties}
        named = {name: ids[wallet] for name, wallet in written.items() if wallet is not None}
        return self.model_copy(update=named)

    def canonical(self) -> dict[str, Any]:
        """What histories and fingerprints see: ids and amounts, no words of the caller's."""
        left_out = {"note", "quote", *type(self).private}
        return self.model_dump(mode="json", exclude=left_out, exclude_none=True)


def _role_of(hint: Any) -> Role | None:
    return next((extra for extra in get_args(hint) if isinstance(extra, Role)), None)


class PricedCommand(Command):
    """A command that the operator's tariff puts a price on."""

    amount_type: (
        Annotated[
            Literal["receive", "send"],
            Field(description="Whether the amount is what arrives (the default), or what leaves."),
        ]
        | None
    ) = None
    quote: (
        Annotated[
            str,
            Field(
                max_length=8_000,
                pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
                description="A quote of POST /v1/quotes/{type}, whose terms are to be kept.",
            ),
        ]
        | None
    ) = None
