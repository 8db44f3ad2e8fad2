"""A tenant: one operator, with its own books, namespace, keys and calendar."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mmo.kernel.identifiers import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One operator of the platform, or a super-tenant, which keeps no books."""

    id: TenantId
    slug: str
    name: str
    timezone: str
    currencies: tuple[str, ...]
    country: str = "KE"
    kind: str = "operator"
    """`operator` or `super`."""
    state: str = "active"
    """`pending`, `active`, `suspended` or `closed`."""

    def __post_init__(self) -> None:
        ZoneInfo(self.timezone)

    @property
    def works(self) -> bool:
        """Whether money moves here now."""
        return self.kind == "operator" and self.state == "active"

    @property
    def namespace(self) -> str:
        """The Temporal namespace that holds the tenant's workflows."""
        return namespace_of(self.slug)


def namespace_of(slug: str) -> str:
    """The Temporal namespace of the tenant of that name."""
    return f"mmo-{slug}"
