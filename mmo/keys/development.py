"""Development keys: files in the data directory, until an HSM holds the keys.

One folder per tenant and one PEM file per purpose, readable by their owner only. Production
refuses them.
"""

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws

from mmo.keys.ports import TYPES, Purpose, TrustedKey

NEVER = 2**40


class DevelopmentKeys:
    """The KeyStore of a developer's machine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._private: dict[tuple[str, Purpose], tuple[str, str]] = {}

    def make(self, tenant: str) -> None:
        """Make the keys that the tenant lacks. Safe to repeat, also by two processes at once."""
        folder = self._directory / tenant
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for purpose in Purpose:
            pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            draft = folder / f".{purpose}.{os.getpid()}"
            draft.touch(mode=0o600)
            draft.write_bytes(pem)
            with contextlib.suppress(FileExistsError):
                (folder / f"{purpose}.pem").hardlink_to(draft)
            draft.unlink()

    def trusted(self) -> Mapping[str, TrustedKey]:
        """Every tenant's public keys, by kid; read afresh at each call."""
        found = sorted(self._directory.glob("*/*.pem"))
        keys = (self._public(path.parent.name, Purpose(path.stem)) for path in found)
        return {key.kid: key for key in keys}

    def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """Sign claims as a compact ES256 token. Raises KeyError where the tenant has no key."""
        if (tenant, purpose) not in self._private:
            path = self._directory / tenant / f"{purpose}.pem"
            if not path.exists():
                raise KeyError(f"no {purpose} key of {tenant} in {self._directory}")
            self._private[tenant, purpose] = (path.read_text(), self._public(tenant, purpose).kid)
        pem, kid = self._private[tenant, purpose]
        body = {"iss": issuer_of(tenant), "tenant": tenant, **claims}
        headers = {"typ": TYPES[purpose], "kid": kid}
        return jws.sign(body, pem, headers=headers, algorithm="ES256")

    def _public(self, tenant: str, purpose: Purpose) -> TrustedKey:
        pem = (self._directory / tenant / f"{purpose}.pem").read_bytes()
        private = serialization.load_pem_private_key(pem, None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        numbers = private.public_key().public_numbers()
        point = {"crv": "P-256", "kty": "EC", "x": _b64(numbers.x), "y": _b64(numbers.y)}
        thumbprint = hashlib.sha256(json.dumps(point, separators=(",", ":")).encode()).digest()
        kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()  # RFC 7638
        jwk = {**point, "alg": "ES256", "use": "sig", "kid": kid}
        return TrustedKey(kid, tenant, issuer_of(tenant), purpose, jwk, NEVER)


def issuer_of(tenant: str) -> str:
    """Who issues the tenant's tokens on a developer's machine."""
    return f"urn:mmo:development:{tenant}"


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
