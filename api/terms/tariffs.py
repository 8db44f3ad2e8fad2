"""Tariffs: what movements cost, set by one person, approved by another, and dated."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.security import Caller
from api.terms.routes import TermRoutes, routes_of
from api.terms.versions import Number, TermBody, VersionSchema
from mmo.dated.documents import WrongDocumentError
from mmo.kernel.spelling import nearest
from mmo.movements.support.catalogue import movements
from mmo.pricing.tariff import EARNERS, KIND, Tariff, read

MovementType = Annotated[str, Field(min_length=1, max_length=60, examples=["p2p-transfer"])]


class NewTariff(TermBody):
    """A tariff for a movement type, a currency, and all products or one."""

    movement: MovementType
    currency: str = Field(min_length=3, max_length=3, examples=["KES"])
    product: Number | None = Field(default=None, description="Null: the default of all products.")


class TariffFilter(BaseModel):
    """Which tariffs are listed, and which page of them."""

    model_config = ConfigDict(extra="ignore")

    movement: Annotated[str | None, Field(max_length=60)] = None


class TariffSchema(VersionSchema):
    """A version of a tariff."""

    movement: str
    currency: str
    product: int | None


class TariffWithVersions(TariffSchema):
    """The newest version of a tariff, and all of them."""

    versions: list[TariffSchema]


class TariffPage(BaseModel):
    """Tariffs, the newest first, each by its newest version; and the cursor of the next page."""

    items: list[TariffSchema]
    next: str | None


class TariffForm(BaseModel):
    """What a form of a tariff needs."""

    content: dict[str, Any] = Field(description="JSON Schema of `content`.")
    movements: dict[str, list[str]] = Field(
        description="Movement type → the symbols that it can post: what may be charged."
    )
    currencies: list[str]
    roles: list[str] = Field(description="Who may earn a commission.")


def template(caller: Caller) -> dict[str, Any]:
    """The schema of a tariff, and for each movement the symbols that it can post."""
    return {
        "content": Tariff.model_json_schema(),
        "movements": {name: sorted(posted(name)) for name in movements()},
        "currencies": list(caller.tenant.currencies),
        "roles": list(EARNERS),
    }


def fitting(key: Mapping[str, Any], content: dict[str, Any]) -> tuple[str, str] | None:
    """The movement is there, and can post whatever the tariff charges."""
    movement = key["movement"]
    if movement not in movements():
        return "/movement", f"there is no such movement; {nearest(movement, movements())}"
    try:
        charged = read(content).symbols
    except WrongDocumentError:
        return None  # The change itself tells what is wrong.
    beyond = sorted(charged - posted(movement))
    if not beyond:
        return None
    return "/content", f"{movement} has no line for {', '.join(beyond)}: see the template"


def posted(movement: str) -> frozenset[str]:
    """The symbols that some line of the movement posts."""
    return frozenset[str]().union(*(step.rule.symbols for step in movements()[movement].steps))


router = routes_of(
    TermRoutes(
        kind=KIND, path="tariffs", title="tariff", new=NewTariff,
        key=("movement", "currency", "product"), filter=TariffFilter, form=TariffForm,
        schema=TariffSchema,
        whole=TariffWithVersions, page=TariffPage, problem="tariff_invalid", check=fitting,
    ),
    template,
)  # fmt: skip
