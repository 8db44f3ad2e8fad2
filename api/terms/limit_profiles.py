"""Limit profiles: what wallets of a kind and tier may move and hold; dated, and set by two."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.security import Caller
from api.terms.routes import TermRoutes, routes_of
from api.terms.versions import Number, TermBody, VersionSchema
from mmo.dated.documents import WrongDocumentError
from mmo.kernel.spelling import nearest
from mmo.limits.profile import KIND, Profile, read
from mmo.movements.support.catalogue import movements

WalletKind = Literal["customer", "agent", "super_agent", "merchant"]


class NewProfile(TermBody):
    """A profile for a kind of wallet at a tier, in a currency, for all products or one."""

    wallet_kind: WalletKind
    tier: Annotated[int, Field(strict=True, ge=0, le=3)]
    currency: str = Field(min_length=3, max_length=3, examples=["KES"])
    product: Number | None = Field(default=None, description="Null: the default of all products.")


class ProfileFilter(BaseModel):
    """Which profiles are listed, and which page of them."""

    model_config = ConfigDict(extra="ignore")

    wallet_kind: WalletKind | None = None


class ProfileSchema(VersionSchema):
    """A version of a limit profile."""

    wallet_kind: str
    tier: int
    currency: str
    product: int | None


class ProfileWithVersions(ProfileSchema):
    """The newest version of a profile, and all of them."""

    versions: list[ProfileSchema]


class ProfilePage(BaseModel):
    """Profiles, the newest first, each by its newest version; and the cursor of the next page."""

    items: list[ProfileSchema]
    next: str | None


class ProfileForm(BaseModel):
    """What a form of a limit profile needs."""

    content: dict[str, Any] = Field(description="JSON Schema of `content`.")
    movements: list[str]
    currencies: list[str]


def template(caller: Caller) -> dict[str, Any]:
    """The schema of a profile, and the movements that it may name."""
    return {
        "content": Profile.model_json_schema(),
        "movements": sorted(movements()),
        "currencies": list(caller.tenant.currencies),
    }


def _check(_: Mapping[str, Any], content: dict[str, Any]) -> tuple[str, str] | None:
    """The movements that the profile names are there."""
    try:
        named = [one.movement for one in read(content).limits if one.movement]
    except WrongDocumentError:
        return None  # The change itself tells what is wrong.
    unknown = next((name for name in named if name not in movements()), None)
    if unknown is None:
        return None
    return "/content", f"there is no movement {unknown}; {nearest(unknown, movements())}"


router = routes_of(
    TermRoutes(
        kind=KIND, path="limit-profiles", title="limit profile", new=NewProfile,
        key=("wallet_kind", "tier", "currency", "product"), filter=ProfileFilter,
        form=ProfileForm,
        schema=ProfileSchema, whole=ProfileWithVersions, page=ProfilePage,
        problem="profile_invalid", check=_check,
    ),
    template,
)  # fmt: skip
