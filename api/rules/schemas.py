"""What is said about rules, for the published contract."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.paging import Moment

Entity = Annotated[str, Field(min_length=1, max_length=40, examples=["wallet"])]
Words = Annotated[
    str,
    Field(
        min_length=1,
        max_length=60,
        examples=["transfer"],
        description="The action, or words that mean it, such as `waive interest`.",
    ),
]


class RuleBody(BaseModel):
    """A rule: for which event and product, and the processor's own settings (`data`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: Entity
    event: Words
    isPreEvent: Annotated[  # noqa: N815 - the original design's own name
        bool | None, Field(description="Before the event, or after it; null: as the processor is.")
    ] = None
    processor: Annotated[
        str | None, Field(max_length=60, description="If given, that of the address.")
    ] = None
    productId: Annotated[  # noqa: N815
        int | None, Field(ge=1, le=2**31 - 1, description="Null: the default of all products.")
    ] = None
    data: Annotated[Any, Field(description="The processor's settings: see its template.")]
    state: Annotated[
        Literal["active", "shadow"],
        Field(description="shadow: its verdicts are recorded, and never bind."),
    ] = "active"
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Annotated[Moment | None, Field(alias="to")] = None


class RuleSchema(BaseModel):
    """A version of a rule."""

    id: UUID
    version: int
    state: Literal["draft", "pending", "active", "shadow", "retired", "rejected"]
    wanted: Literal["active", "shadow", "retired"]
    entity: str
    event: str
    isPreEvent: bool  # noqa: N815
    processor: str
    productId: int | None  # noqa: N815
    data: Any
    binds: bool = Field(description="Whether anything raises the event yet.")
    since: datetime | None = Field(alias="from")
    until: datetime | None = Field(alias="to")
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class RuleWithVersions(RuleSchema):
    """The newest version of a rule, and all of them."""

    versions: list[RuleSchema]


class RulePage(BaseModel):
    """Rules, the newest first, each by its newest version; and the cursor of the next page."""

    items: list[RuleSchema]
    next: str | None


class EventSchema(BaseModel):
    """A business event that rules can be set for."""

    entity: str
    event: str
    title: str
    phases: list[Literal["pre", "post"]]
    amount: bool
    product: bool
    parties: dict[str, str]
    spoken: list[str]
    declared: bool


class EventList(BaseModel):
    """Every business event."""

    items: list[EventSchema]


class TemplateSchema(BaseModel):
    """What a form of a processor's settings needs."""

    processor: str
    title: str
    help: str
    aliases: list[str]
    phases: list[Literal["pre", "post"]]
    metadata: dict[str, Any] = Field(description="JSON Schema of `data`, with titles and help.")
    options: dict[str, Any] = Field(description="Field → what the tenant has to choose from.")
    events: list[EventSchema]
    products: dict[int, str]


class ProcessorSchema(BaseModel):
    """A processor."""

    name: str
    title: str
    help: str
    phases: list[Literal["pre", "post"]]
    template: str


class ProcessorList(BaseModel):
    """Every processor, those of plug-ins included."""

    items: list[ProcessorSchema]
