"""Keys, as their users see them: who signed what for which purpose."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Purpose(StrEnum):
    """What a key is for. A signature made for one purpose proves nothing for another."""

    ACCESS = "access"
    """Access tokens: `typ` at+jwt."""
    DECISION = "decision"
    """Answers that a waiting movement takes: `typ` decision+jwt."""


TYPES = {Purpose.ACCESS: "at+jwt", Purpose.DECISION: "decision+jwt"}
"""Purpose → the `typ` of the header."""


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


class KeyStore(Protocol):
    """Holds the tenants' keys. Private keys never leave it."""

    def trusted(self) -> Mapping[str, TrustedKey]:
        """Every public key that may be relied on, by kid."""
        ...

    def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """Sign claims as a compact ES256 token. Raises KeyError where the tenant has no key."""
        ...
