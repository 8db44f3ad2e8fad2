"""Tokens for the demo's people, signed in the token of this machine."""

import time
import uuid
from typing import Any

from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S
from mmo.settings import Settings
from workers.demo.people import CLIENT, person
from workers.wiring import DEV, development_keys, hsm_store, open_pool


async def tokens(settings: Settings, tenant: str, *subjects: str) -> dict[str, str]:
    """Access tokens for some of the demo's people, signed in the HSM by the operator himself.

    Raises KeyError for anyone else, and KeysAwayError or NoKeyError.
    """
    if settings.env == DEV:
        keys = development_keys(settings)
        return {who: await token_for(keys, tenant, who, settings.audience) for who in subjects}
    async with open_pool(settings) as pool, hsm_store(settings, pool) as keys:
        return {who: await token_for(keys, tenant, who, settings.audience) for who in subjects}


async def token_for(
    keys: KeyStore, tenant: str, subject: str, audience: str, life_s: int = LIFE_MAX_S
) -> str:
    """An access token for one of the demo's people. Raises KeyError for anyone else."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": subject,
        "client_id": CLIENT,
        "aud": audience,
        "iat": now,
        "exp": now + life_s,
        "jti": uuid.uuid4().hex,
        "roles": [],
        "scope": " ".join(sorted(person(subject).scopes)),
    }
    return await keys.sign(tenant, Purpose.JWT, claims)
