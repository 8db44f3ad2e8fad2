"""Strict verification of signed tokens: every flaw is one and the same exception.

Cheapest first: size and shape, header allow-list, key by kid (the kid decides tenant, issuer,
purpose and algorithm), the signature by python-jose with one pinned algorithm, then the claims. A
JSON number that is no integer, a doubled member or a base64url text that is not canonical is a
flaw too.
"""

import base64
import hmac
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn

from jose import jwk, jws
from jose.backends.base import Key

from mmo.keys.ports import TYPES, Purpose, Trust, TrustedKey

SKEW_S = 5
LIFE_MAX_S = 900
"""No token lives longer."""
KNOWN_MAX = 10_000
"""Tokens that a process remembers as genuine."""

_SHAPE = re.compile(rb"[A-Za-z0-9_-]{20,300}\.[A-Za-z0-9_-]{20,3500}\.[A-Za-z0-9_-]{86}")
_CLAIMS = {
    "iss": str, "sub": str, "aud": str, "client_id": str, "jti": str,
    "tenant": str, "exp": int, "iat": int,
}  # fmt: skip


class InvalidTokenError(Exception):
    """The token proves nothing. The text is for the log, never for the caller."""


@dataclass(frozen=True, slots=True)
class _Known:
    trusted: TrustedKey
    claims: dict[str, Any]


class Verifier:
    """Proves tokens of one purpose and audience against the trusted keys."""

    def __init__(self, trust: Trust, purpose: Purpose, audience: str) -> None:
        self._trust = trust
        self._purpose = purpose
        self._audience = audience
        self._built: dict[str, Key] = {}
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def verify(self, token: str, now: int | None = None) -> dict[str, Any]:
        """Answer with the claims. `now` in Unix seconds. Raises InvalidTokenError only."""
        now = int(time.time()) if now is None else now
        trusted, claims = self._remembered(token, now)
        for name, kind in _CLAIMS.items():
            if type(claims.get(name)) is not kind:
                raise InvalidTokenError(f"claim {name}")
        if claims["iss"] != trusted.issuer or not _same(claims["tenant"], trusted.tenant):
            raise InvalidTokenError("issuer or tenant does not own this key")
        if claims["aud"] != self._audience:
            raise InvalidTokenError("audience")
        issued, expires = claims["iat"], claims["exp"]
        if not (issued - SKEW_S <= now < expires + SKEW_S and 0 < expires - issued <= LIFE_MAX_S):
            raise InvalidTokenError("time")
        not_before = claims.get("nbf", issued)
        if type(not_before) is not int or now + SKEW_S < not_before:
            raise InvalidTokenError("nbf")
        return claims

    def _remembered(self, token: str, now: int) -> tuple[TrustedKey, dict[str, Any]]:
        """The key and the claims of a genuine token; one that was seen needs no new proof.

        It is known by the digest of its exact text, and only as long as its key is trusted as it
        was then. What is not genuine is never remembered.
        """
        name = sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(name)
        if known is not None:
            trusted = self._trust.trusted().get(known.trusted.kid)
            if trusted == known.trusted and now <= known.trusted.not_after:
                self._known.move_to_end(name)
                return known.trusted, dict(known.claims)
            del self._known[name]
        trusted, payload = self._proved(token, now)
        claims = strict_object(payload)
        self._known[name] = _Known(trusted, claims)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return trusted, dict(claims)

    def _proved(self, token: str, now: int) -> tuple[TrustedKey, bytes]:
        found: list[TrustedKey] = []

        def key_of(kid: str) -> Key | None:
            trusted = self._trust.trusted().get(kid)
            if trusted is None or trusted.purpose is not self._purpose or now > trusted.not_after:
                return None
            found.append(trusted)
            return self._key(trusted)

        payload = proved(token, TYPES[self._purpose], key_of)
        return found[0], payload

    def _key(self, trusted: TrustedKey) -> Key:
        if trusted.kid not in self._built:
            self._built[trusted.kid] = jwk.construct(dict(trusted.jwk), "ES256")
        return self._built[trusted.kid]


def proved(token: str, typ: str, key_of: Callable[[str], Key | None]) -> bytes:
    """The payload of a compact ES256 token of exactly this type. Raises InvalidTokenError only."""
    try:
        encoded = token.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidTokenError("not ASCII") from None
    if not _SHAPE.fullmatch(encoded):
        raise InvalidTokenError("shape")
    head, payload, signature = map(_decoded, encoded.split(b"."))
    assert signature
    header = strict_object(head)
    if header != {"alg": "ES256", "typ": typ, "kid": header.get("kid")}:
        raise InvalidTokenError("header")
    key = key_of(header["kid"]) if type(header["kid"]) is str else None
    if key is None:
        raise InvalidTokenError("kid")
    try:
        found: bytes = jws.verify(token, key, algorithms=["ES256"])
    except Exception as error:  # python-jose lets JWKError, ValueError, RecursionError escape
        raise InvalidTokenError("signature") from error
    if found != payload:
        raise InvalidTokenError("payload")
    return found


def _decoded(segment: bytes) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except ValueError:
        raise InvalidTokenError("base64url") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment:
        raise InvalidTokenError("base64url is not canonical")
    return raw


def strict_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object that means one thing only. Raises InvalidTokenError."""
    try:
        value = json.loads(
            raw.decode(), object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        raise InvalidTokenError("JSON") from None
    if type(value) is not dict:
        raise InvalidTokenError("JSON is no object")
    return value  # pyright: ignore[reportUnknownVariableType]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidTokenError("a member stands twice")
    return members


def _refuse(_: str) -> NoReturn:
    raise InvalidTokenError("number")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
