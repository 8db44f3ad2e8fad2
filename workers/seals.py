"""Seals and the platform's keys: who signs them, and which public keys prove them."""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from jose import jws
from jose.exceptions import JOSEError

from mmo.audit.sealer import Sign
from mmo.audit.verify import Proved
from mmo.keys.ports import (
    PLATFORM,
    PLATFORM_ID,
    TYPES,
    KeysAwayError,
    KeyStore,
    NoKeyError,
    Purpose,
)
from mmo.keys.verifier import InvalidTokenError, strict_object


def signing(keys: KeyStore) -> Sign:
    """Sign seals with the platform's key. Without it sealing waits: OSError."""

    async def sign(claims: Mapping[str, Any]) -> str:
        try:
            return await keys.sign(PLATFORM, Purpose.AUDIT, claims)
        except (KeysAwayError, NoKeyError) as error:
            raise OSError(f"no seal can be signed: {error}") from error

    return sign


def proving(keys: Iterable[Mapping[str, Any]]) -> Proved:
    """Prove seals by public keys (JWK), retired ones too: a seal is for ever."""
    by_kid = {key["kid"]: dict(key) for key in keys}

    def proved(signed: str) -> Mapping[str, Any] | None:
        try:
            header = jws.get_unverified_header(signed)
            if header.get("typ") != TYPES[Purpose.AUDIT] or header.get("kid") not in by_kid:
                return None
            payload = jws.verify(signed, by_kid[header["kid"]], algorithms=["ES256"])
            return strict_object(payload)
        except (JOSEError, InvalidTokenError):
            return None

    return proved


def keys_of_seals(connection: psycopg.Connection[Any]) -> list[Mapping[str, Any]]:
    """Every public key that ever signed seals, whatever its state, from the register."""
    rows = connection.execute(
        """SELECT public_jwk || jsonb_build_object('kid', kid) FROM keys.key
            WHERE tenant_id = %s AND purpose = %s""",
        [PLATFORM_ID, Purpose.AUDIT],
    )
    return [jwk for (jwk,) in rows.fetchall()]
