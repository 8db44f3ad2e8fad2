"""Public keys as JSON Web Keys, named by what they are."""

import base64
import hashlib
import json


def public_jwk(x: int, y: int) -> dict[str, str]:
    """A point of P-256 as a JWK; its `kid` is the RFC 7638 thumbprint, the same everywhere."""
    point = {"crv": "P-256", "kty": "EC", "x": _coordinate(x), "y": _coordinate(y)}
    thumbprint = hashlib.sha256(json.dumps(point, separators=(",", ":")).encode()).digest()
    return {**point, "alg": "ES256", "use": "sig", "kid": _text(thumbprint)}


def _coordinate(number: int) -> str:
    return _text(number.to_bytes(32, "big"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
