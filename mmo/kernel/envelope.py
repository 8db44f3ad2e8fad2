"""The envelope around every command: who asks, for which tenant, as which movement."""

from dataclasses import dataclass, field
from typing import Any

from mmo.kernel.identifiers import MovementId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks: the subject of the token and the client it was issued to."""

    subject: str
    client: str
    roles: tuple[str, ...] = ()
    """The roles held when it was asked, sorted."""
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    """Claims of the token for rules: office, channel, device …"""
    act: tuple[str, ...] = ()
    """Who really acts, as `<tenant>/<subject>`, where somebody entered from another tenant."""

    @property
    def people(self) -> frozenset[str]:
        """Every name that this person has here: two of them are one where these meet."""
        own = {self.subject, *self.act}
        return frozenset(own | {self.attributes["person"]} if "person" in self.attributes else own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Terms that the caller was promised by a quote, proved genuine at the door."""

    id: str
    prices: dict[str, int]
    """Symbol → minor units."""
    tariff: dict[str, Any] | None
    """Which version of which tariff, with the lines that the caller was shown."""
    free: dict[str, str]
    """Name of a charge that was free → its period: the use counts when the quote is kept."""
    until: str
    """RFC 3339, UTC: a movement that is decided later does not keep them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What every step of a movement knows about its request."""

    tenant: str
    tenant_id: TenantId
    actor: Actor
    movement: MovementId
    requested_at: str
    """RFC 3339, UTC."""
    granted: tuple[str, ...] = ()
    """Those scopes of the caller that the movement's process asks about, sorted."""
    quoted: Quoted | None = None
