"""Keys, as their users see them: who signs, maps and unwraps what, for which purpose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Purpose(StrEnum):
    """What a key is for. What was made for one purpose proves nothing for another."""

    JWT = "jwt"
    """A tenant's access tokens: ES256, `typ` at+jwt."""
    DECISION = "decision"
    """Answers that a waiting movement takes: ES256, `typ` decision+jwt."""
    PIN = "pin"
    """A tenant's PINs: HMAC-SHA-256, sign only."""
    MSISDN = "msisdn"
    """A tenant's blind index of phone numbers: HMAC-SHA-256, sign only."""
    KEK = "kek"
    """Wraps a tenant's data keys: AES-256, wrap and unwrap only."""
    TEMPORAL = "temporal"
    """The platform's tokens for Temporal: ES256, `typ` JWT, the only kind Temporal takes."""
    AUDIT = "audit"
    """The platform's seals: ES256, `typ` seal+jwt."""


TENANT_PURPOSES = (Purpose.JWT, Purpose.DECISION, Purpose.PIN, Purpose.MSISDN, Purpose.KEK)
PLATFORM_PURPOSES = (Purpose.TEMPORAL, Purpose.AUDIT)
PLATFORM = "platform"
"""The name that the platform's own keys are kept under; number 0."""
PLATFORM_ID = 0

TYPES = {
    Purpose.JWT: "at+jwt",
    Purpose.DECISION: "decision+jwt",
    Purpose.TEMPORAL: "JWT",
    Purpose.AUDIT: "seal+jwt",
}
"""Purpose of a signing key → the `typ` of the header."""


def issuer_of(base: str, tenant: str) -> str:
    """Who issues the tenant's tokens; `base` is the setting `issuer`."""
    return f"{base}/t/{tenant}"


class KeysAwayError(Exception):
    """The token or the process that holds it does not answer. Try again later: 503."""


class NoKeyError(Exception):
    """There is no such key, or it was destroyed or disabled: no repeat will help."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, and what it may vouch for."""

    kid: str
    tenant: str
    issuer: str
    purpose: Purpose
    jwk: Mapping[str, Any]
    not_after: int
    """Unix seconds; a retired key stays until its last token has expired."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """An unwrapped AES-256 key for one purpose of one tenant. Lives in memory only."""

    id: str
    """UUID; every blob that it enciphered names it."""
    material: bytes


class Trust(Protocol):
    """The public keys that may be relied on."""

    def trusted(self) -> Mapping[str, TrustedKey]:
        """Every public key that may be relied on now, by kid. Cheap: read it at each use."""
        ...

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this after each change of any key, secret ones included."""
        ...


class KeyStore(Protocol):
    """Holds the tenants' keys. Private and secret keys never leave it.

    Every method raises KeysAwayError (try again) or NoKeyError (final).
    """

    async def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """Sign claims as a compact ES256 token; `iss` and `tenant` are put in here."""
        ...

    async def mac(
        self, tenant: str, purpose: Purpose, messages: Sequence[bytes], number: int | None = None
    ) -> list[bytes]:
        """HMAC-SHA-256 of each message under the tenant's key for PIN or MSISDN.

        `number`: that of the key, where an older one made what is compared; else the active one.
        """
        ...

    async def number(self, tenant: str, purpose: Purpose) -> int:
        """The number of the active key for a purpose: to be kept beside what it made."""
        ...

    async def data_key(self, tenant: str, purpose: str, identifier: str | None = None) -> DataKey:
        """Unwrap a data key: the one named, else the newest (made where there is none).

        `purpose`: `pii` or `temporal`.
        """
        ...
