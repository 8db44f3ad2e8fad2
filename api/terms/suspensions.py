"""Suspensions: types of movements that are not carried out for a while; dated, ended by two."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.security import Caller
from api.terms.routes import TermRoutes, routes_of
from api.terms.tariffs import MovementType
from api.terms.versions import TermBody, VersionSchema
from mmo.kernel.spelling import nearest
from mmo.limits.suspension import KIND, Suspension
from mmo.movements.support.catalogue import movements


class NewSuspension(TermBody):
    """A type of movement that is to be suspended, in one currency."""

    movement: MovementType
    currency: str = Field(min_length=3, max_length=3, examples=["KES"])
    product: Annotated[None, Field(description="Suspensions are of all products.")] = None


class SuspensionFilter(BaseModel):
    """Which suspensions are listed, and which page of them."""

    model_config = ConfigDict(extra="ignore")

    movement: Annotated[str | None, Field(max_length=60)] = None


class SuspensionSchema(VersionSchema):
    """A version of a suspension."""

    movement: str
    currency: str
    product: None


class SuspensionWithVersions(SuspensionSchema):
    """The newest version of a suspension, and all of them."""

    versions: list[SuspensionSchema]


class SuspensionPage(BaseModel):
    """Suspensions, the newest first, each by its newest version; and the next page's cursor."""

    items: list[SuspensionSchema]
    next: str | None


class SuspensionForm(BaseModel):
    """What a form of a suspension needs."""

    content: dict[str, Any] = Field(description="JSON Schema of `content`.")
    movements: list[str]
    currencies: list[str]


def template(caller: Caller) -> dict[str, Any]:
    """The schema of a suspension, and the movements that it may be of."""
    return {
        "content": Suspension.model_json_schema(),
        "movements": sorted(movements()),
        "currencies": list(caller.tenant.currencies),
    }


def _check(key: Mapping[str, Any], _: dict[str, Any]) -> tuple[str, str] | None:
    """The movement is there."""
    if key["movement"] in movements():
        return None
    return "/movement", f"there is no such movement; {nearest(key['movement'], movements())}"


router = routes_of(
    TermRoutes(
        kind=KIND, path="suspensions", title="suspension", new=NewSuspension,
        key=("movement", "currency", "product"), filter=SuspensionFilter, form=SuspensionForm,
        schema=SuspensionSchema, whole=SuspensionWithVersions, page=SuspensionPage,
        problem="suspension_invalid", check=_check,
    ),
    template,
)  # fmt: skip
