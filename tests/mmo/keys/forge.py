"""Tokens as an attacker would make them: any header, any payload, signed by a real key."""

import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mmo.keys.development import ISSUER, DevelopmentKeys
from mmo.keys.ports import Purpose, issuer_of

GONE = object()
"""A member that is left out."""


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(tenant: str = "demo", **other: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": issuer_of(ISSUER, tenant),
        "tenant": tenant,
        "sub": "mallory",
        "client_id": "app",
        "aud": "mmo-api",
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        "scope": "movements:read",
    }
    return {name: value for name, value in (told | other).items() if value is not GONE}


@dataclass(frozen=True, slots=True)
class Forge:
    """Signs what it is told with the tenants' development keys."""

    keys: DevelopmentKeys
    folder: Any

    def kid(self, tenant: str = "demo", purpose: Purpose = Purpose.JWT) -> str:
        return next(
            key.kid
            for key in self.keys.trusted().values()
            if (key.tenant, key.purpose) == (tenant, purpose)
        )

    def private(self, tenant: str, purpose: Purpose) -> ec.EllipticCurvePrivateKey:
        pem = (self.folder / tenant / f"{purpose}.pem").read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def token(
        self,
        payload: dict[str, Any] | bytes,
        *,
        header: dict[str, Any] | bytes | None = None,
        signed_by: str = "demo",
        purpose: Purpose = Purpose.JWT,
    ) -> str:
        """Sign; `header` as bytes is used as it is, else added to the usual one."""
        usual = {"alg": "ES256", "kid": self.kid(signed_by, purpose), "typ": "at+jwt"}
        if not isinstance(header, bytes):
            told = {k: v for k, v in {**usual, **(header or {})}.items() if v is not GONE}
            header = json.dumps(told).encode()
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signing = f"{b64(header)}.{b64(body)}"
        key = self.private(signed_by, purpose)
        r, s = decode_dss_signature(key.sign(signing.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signing}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
