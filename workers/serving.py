"""Serving HTTP: the composition root of the roles front and api."""

import asyncio
import gc
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from functools import partial
from typing import Any

import uvicorn
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.worker import Worker

from activities.movements import MovementActivities
from api.app import Parts, create_app
from api.guard import Guard
from api.movements import Door
from api.security import Gatekeeper
from api.start import Starter
from mmo.changes.wallets import WalletChanges
from mmo.messaging.bell import Bell
from mmo.movements.support.commands import Commands
from mmo.movements.support.first_outcomes import FirstOutcomes
from mmo.movements.support.ports import AnswerVerifier
from mmo.movements.support.postgres import PostgresFacts, PostgresWriter
from mmo.movements.support.signed_answers import SignedAnswers
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.fleet import ADMITTED_MAX, fleet, movements_worker
from workers.ready import notify
from workers.wiring import (
    TenantClients,
    access_verifier,
    answer_verifier,
    key_store,
    open_engine,
    open_pool,
    open_trust,
)

LET_FINISH_S = 8
"""How long requests under way may take once the process is told to stop."""


class Makers:
    """Makes the parts of a serving process; a drill or a benchmark makes some of them otherwise."""

    def commands(self, pool: AsyncConnectionPool[Any]) -> Commands:
        return Commands(pool)

    def activities(
        self,
        pool: AsyncConnectionPool[Any],
        bell: Bell,
        answers: AnswerVerifier,
        first: FirstOutcomes,
    ) -> MovementActivities:
        return MovementActivities(PostgresFacts(pool), PostgresWriter(pool, bell), answers, first)

    def worker(self, client: Client, activities: MovementActivities) -> Worker:
        return movements_worker(client, activities)

    def app(self, parts: Parts) -> Guard:
        return create_app(parts)


async def serve(
    settings: Settings, stop: asyncio.Event, *, works: bool, makers: Makers | None = None
) -> None:
    """Serve until told to stop; with `works`, carry movements out in the same process."""
    make = makers or Makers()
    bell, keys, first = Bell(settings.dsn()), key_store(settings), FirstOutcomes()
    clients = TenantClients(settings.temporal_address)
    listening = _bound(settings)
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings))
        trust = await opened.enter_async_context(open_trust(settings))
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        ringing = tasks.create_task(bell.run())
        tenants, commands = TenantRegister(pool), make.commands(pool)
        await clients.service()
        if works:
            answers = SignedAnswers(answer_verifier(trust))
            activities = make.activities(pool, bell, answers, first)
            await opened.enter_async_context(fleet(tenants, clients, activities, make.worker))
        starter = Starter(clients, commands, first, eager=works, admitted_max=ADMITTED_MAX)
        app = make.app(
            Parts(
                settings=settings,
                pool=pool,
                engine=await opened.enter_async_context(open_engine(settings)),
                keys=keys,
                clients=clients,
                gatekeeper=Gatekeeper(access_verifier(settings, trust), tenants),
                door=Door(pool=pool, commands=commands, starter=starter),
                wallet_changes=WalletChanges(pool, bell.ring),
            )
        )
        await _http(app, listening, stop, partial(notify, settings))
        ringing.cancel()


def _bound(settings: Settings) -> socket.socket:
    """Take the port, or end the process with one clear line."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.listen_host, settings.listen_port))
    except OSError as error:
        where = f"{settings.listen_host}:{settings.listen_port}"
        raise SystemExit(f"mmo: cannot listen on {where}: {error.strerror}") from None
    return listening


async def _http(
    app: Guard, listening: socket.socket, stop: asyncio.Event, notify: Callable[[], None]
) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=LET_FINISH_S,
        backlog=2048,
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.02)
    if not serving.done():
        gc.freeze()  # what was loaded stays: no collection has to walk through it again
        notify()
        await asyncio.wait(
            [serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED
        )
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """Leaves the signals to the process, which stops more than this."""

    def capture_signals(self) -> AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Capture none."""
        return nullcontext()
