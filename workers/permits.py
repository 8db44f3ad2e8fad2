"""Permits for Temporal: short tokens by the platform's own key, which its authorizer demands.

Temporal never looks at the issuer, so no tenant's key is among those that it trusts. Temporal's dev
server has no authorizer; there nothing is sent.
"""

import asyncio
import time
import uuid

import structlog
from temporalio.service import ServiceClient

from mmo.keys.ports import PLATFORM, KeysAwayError, KeyStore, NoKeyError, Purpose

AUDIENCE = "temporal"
WRITE, ADMIN = "temporal-system:write", "temporal-system:admin"
"""Start and carry out workflows in every namespace; make namespaces too."""
LIFE_S, RENEW_S, RETRY_S = 900, 300.0, 2.0

_log = structlog.get_logger()
_renewing = set[asyncio.Task[None]]()
"""A task that nobody refers to may be collected while it sleeps."""


class Permits:
    """Signs permits for one process and keeps its connection's permit fresh."""

    def __init__(self, keys: KeyStore, subject: str, permission: str = WRITE) -> None:
        self._keys = keys
        self._subject = subject
        self._permission = permission

    async def metadata(self) -> dict[str, str | bytes]:
        """What goes with each call. Raises KeysAwayError or NoKeyError."""
        now = int(time.time())
        claims = {
            "sub": self._subject, "aud": AUDIENCE, "permissions": [self._permission],
            "iat": now, "exp": now + LIFE_S, "jti": uuid.uuid4().hex,
        }  # fmt: skip
        token = await self._keys.sign(PLATFORM, Purpose.TEMPORAL, claims)
        return {"authorization": f"Bearer {token}"}

    def keep_fresh(self, service: ServiceClient) -> asyncio.Task[None]:
        """Renew the connection's permit until the task is cancelled, or the process ends."""
        task = asyncio.create_task(self._renew(service))
        _renewing.add(task)
        task.add_done_callback(_renewing.discard)
        return task

    async def _renew(self, service: ServiceClient) -> None:
        pause_s = RENEW_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                service.update_rpc_metadata(await self.metadata())
                pause_s = RENEW_S
            except (KeysAwayError, NoKeyError) as error:
                _log.warning("permits.not_renewed", error=str(error))
                pause_s = RETRY_S
