"""Role authorization: the authorization server, the only one beside `keys` that reaches the HSM."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from api.authorization.app import create_authorization
from api.authorization.parts import Parts
from mmo.audit.postgres import AuditLog
from mmo.identity.pins import PinVault
from mmo.identity.policy import Policies
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.wallets.personal import PersonalData
from workers.ready import notify
from workers.serving import bound, http
from workers.wiring import access_verifier, hsm_store, open_envelope, open_pool


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve log-in, tokens and public keys until told to stop."""
    bound_socket = bound(settings.authorization_host, settings.authorization_port)
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings, checked=True))
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        keys = await opened.enter_async_context(hsm_store(settings, pool))
        envelope = open_envelope(keys, keys.trust)
        policies = Policies(pool, settings.dsn())
        tenants = TenantRegister(pool)
        listening = [
            tasks.create_task(policies.run()),
            tasks.create_task(tenants.run(settings.dsn())),
        ]
        app = create_authorization(
            Parts(
                settings=settings,
                pool=pool,
                keys=keys,
                trust=keys.trust,
                verifier=access_verifier(settings, keys.trust),
                envelope=envelope,
                tenants=tenants,
                policies=policies,
                pins=PinVault(pool, keys),
                personal=PersonalData(keys, envelope),
                audit=AuditLog(pool),
            )
        )
        await http(app, bound_socket, stop, partial(notify, settings))
        for task in listening:
            task.cancel()
