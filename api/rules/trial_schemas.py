"""What is said about trials of rules, for the published contract."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.paging import Moment
from api.rules.schemas import Entity, RuleBody, Words
from mmo.movements.support.command import Amount

RULES_MAX = 100
Role = Annotated[str, Field(min_length=1, max_length=40)]
Word = Literal["allow", "ask", "refuse", "unknown"]
Row = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartyBody(_Body):
    """A wallet that is only thought of."""

    kind: Annotated[str, Field(max_length=40)] = "customer"
    state: Literal["active", "frozen", "closed"] = "active"
    product: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    flags: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}/[^/]{1,60}$")]],
        Field(max_length=20, description="Each `<list>/<code>`, such as wallet-flags/SUSPECT."),
    ] = []


class ActorBody(_Body):
    """Who would cause it; one's own roles and claims where nothing is said."""

    roles: Annotated[list[Role], Field(max_length=20)] = []
    attributes: Annotated[
        dict[Role, Annotated[str, Field(max_length=200)]], Field(max_length=20)
    ] = {}


class EventBody(_Body):
    """An event that nobody has caused."""

    entity: Entity
    event: Words
    productId: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None  # noqa: N815
    amount: Amount | None = None
    parties: Annotated[
        dict[Role, UUID | PartyBody],
        Field(max_length=10, description="Role → id of a wallet, or what one is thought to be."),
    ] = {}
    actor: ActorBody | None = None
    at: Annotated[Moment | None, Field(description="Null: now.")] = None


class ConditionBody(EventBody):
    """A condition, and the event that it is asked about."""

    expression: Annotated[str, Field(min_length=1, max_length=1000)]


class ConditionSchema(BaseModel):
    """What a condition came to; null where it could not be worked out, which fails closed."""

    holds: bool | None
    error: str | None
    known: Row = Field(description="What the condition could see.")


class ExplainedSchema(BaseModel):
    """What each rule in force would say, on which facts, and what it comes to."""

    event: str
    binds: bool = Field(description="Whether anything raises the event yet.")
    at: datetime
    product: int | None
    parties: dict[str, Row]
    rules: list[Row]
    comes_to: Word
    violations: list[Row]
    asks: list[Row]


class MissingSchema(BaseModel):
    """The rows of data tables that are still missing before the event."""

    event: str
    party: str
    missing: list[Row]


class ReplacedRule(_Body):
    """Other settings of a rule in force."""

    id: UUID
    data: Any


class ChangesBody(_Body):
    """What would be changed of the rules in force."""

    add: Annotated[list[RuleBody], Field(max_length=RULES_MAX)] = []
    replace: Annotated[list[ReplacedRule], Field(max_length=RULES_MAX)] = []
    remove: Annotated[list[UUID], Field(max_length=RULES_MAX)] = []


class TriedTariff(_Body):
    """A tariff that is tried."""

    movement: Role
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["KES"])]
    product: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    content: Annotated[Row, Field(description="As for `POST /v1/tariffs`.")]


class BacktestBody(BaseModel):
    """What is tried on which movements: all rules, or changes of those in force; or tariffs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Annotated[
        list[RuleBody] | None,
        Field(max_length=RULES_MAX, description="Each as for `POST /bep/{processor}`."),
    ] = None
    changes: ChangesBody | None = None
    tariffs: Annotated[
        list[TriedTariff],
        Field(max_length=RULES_MAX, description="By which movements are priced again."),
    ] = []
    since: Annotated[Moment, Field(alias="from")]
    until: Annotated[Moment, Field(alias="to")]
    types: Annotated[list[Role], Field(max_length=50, description="None named: all.")] = []


class BacktestSchema(BaseModel):
    """A back-test: how far it is, and what came of it."""

    id: UUID
    state: Literal["running", "done", "failed"]
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    types: list[str]
    rules: list[Row]
    tariffs: list[Row]
    progress: Row
    result: Row | None
    effort: Row | None = Field(description="Of this run: processor time, decisions a second.")
    made_by: str
    made_at: datetime
    ended_at: datetime | None


class ShadowReportSchema(BaseModel):
    """What a rule in shadow said of live movements, beside what the binding rules came to."""

    id: UUID
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    movements: int
    verdicts: dict[str, Row]
    codes: dict[str, Row]
    matrix: list[Row]
    examples: list[Row]
