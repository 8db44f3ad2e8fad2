"""The envelope around every command: who asks, for which tenant, as which movement."""

from dataclasses import dataclass

from mmo.kernel.identifiers import MovementId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks: the subject of the token and the client it was issued to."""

    subject: str
    client: str


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
