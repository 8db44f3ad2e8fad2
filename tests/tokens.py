"""Access tokens signed for tests as the authorization server would sign them."""

import time
import uuid

from api.scopes import scopes
from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.verifier import LIFE_MAX_S


async def signed_for(
    keys: KeyStore, tenant: str, subject: str, client: str, life_s: int = LIFE_MAX_S
) -> str:
    """A token with every scope; what the client may use is what counts."""
    now = int(time.time())
    claims = {
        "sub": subject, "client_id": client, "aud": "mmo-api", "iat": now, "exp": now + life_s,
        "jti": uuid.uuid4().hex, "roles": [], "scope": " ".join(sorted(scopes())),
    }  # fmt: skip
    return await keys.sign(tenant, Purpose.JWT, claims)
