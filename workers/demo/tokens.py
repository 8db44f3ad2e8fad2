"""Development tokens: what `mmo token` prints until the authorization server issues them."""

import time
import uuid

from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S
from workers.demo.people import CLIENT, person


async def token_for(
    keys: KeyStore, tenant: str, subject: str, audience: str, life_s: int = LIFE_MAX_S
) -> str:
    """An access token for one of the demo's people. Raises KeyError for anyone else, and
    KeysAwayError or NoKeyError."""
    now = int(time.time())
    claims = {
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
