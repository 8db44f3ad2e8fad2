"""Serving HTTP: the composition root of the roles front and api."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.movements import MovementActivities
from api.accepting import Door
from api.app import Parts, create_app
from api.guard import Guard
from api.health import measure
from api.security import Gatekeeper
from api.start import Starter
from mmo.approvals.postgres import Approvals
from mmo.audit.postgres import AuditLog
from mmo.bep.postgres import Snapshots
from mmo.changes.support.changes import Changes
from mmo.documents.postgres import PostgresDocuments
from mmo.identity.pins import PinVault
from mmo.identity.policy import Policies
from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore, Trust
from mmo.messaging.bell import Bell
from mmo.movements.support.allowances import Allowances
from mmo.movements.support.business_events import business_events
from mmo.movements.support.commands import Commands
from mmo.movements.support.first_outcomes import FirstOutcomes
from mmo.movements.support.ports import AnswerVerifier
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from mmo.movements.support.signed_answers import SignedAnswers
from mmo.movements.support.signed_quotes import SignedQuotes
from mmo.notifications.bells import Bells
from mmo.parties.disk import DiskBlobs
from mmo.parties.personal import PartyData
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.wallets.personal import PersonalData
from workers.engine import open_engine
from workers.fleet import ADMITTED_MAX, fleet, movements_worker
from workers.http import bound, http
from workers.metrics import measure_when_scraped
from workers.ready import notify
from workers.roles import SUPER_USER
from workers.wiring import (
    TenantClients,
    access_verifier,
    answer_verifier,
    decision_verifier,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    quote_verifier,
    tenant_clients,
)


class Makers:
    """Makes the parts of a serving process; a drill or a benchmark makes some of them otherwise."""

    def clients(self, settings: Settings, envelope: Envelope) -> TenantClients:
        return tenant_clients(settings, envelope)

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

    def worker(
        self, client: Client, activities: MovementActivities, approvals: ApprovalActivities
    ) -> Worker:
        return movements_worker(client, activities, approvals)

    def app(self, parts: Parts) -> Guard:
        return create_app(parts)


async def serve(
    settings: Settings, stop: asyncio.Event, *, works: bool, makers: Makers | None = None
) -> None:
    """Serve until told to stop; with `works`, carry movements out in the same process."""
    make = makers or Makers()
    bell, keys, first = Bell(settings.dsn()), key_store(settings), FirstOutcomes()
    listening = bound(settings.listen_host, settings.listen_port)
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings))
        trust = await opened.enter_async_context(open_trust(settings))
        envelope = open_envelope(keys, trust)
        clients = make.clients(settings, envelope)
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        dsn, bells, above = settings.dsn(), Bells(), settings.as_user(SUPER_USER)
        super_pool = await opened.enter_async_context(open_pool(above))
        policies, audit = Policies(pool, dsn), AuditLog(pool)
        tenants, commands = TenantRegister(pool), make.commands(pool)
        loops = (bell.run(), policies.run(), tenants.run(dsn), bells.run(dsn))
        running = [tasks.create_task(loop) for loop in loops]
        await clients.service()
        if works:
            answers = SignedAnswers(answer_verifier(trust), pool)
            activities = make.activities(pool, bell, answers, first)
            approvals = ApprovalActivities(Approvals(pool, decision_verifier(trust)))
            worker = partial(make.worker, activities=activities, approvals=approvals)
            await opened.enter_async_context(fleet(tenants, clients, worker))
        starter = Starter(clients, commands, first, eager=works, admitted_max=ADMITTED_MAX)
        app = make.app(
            Parts(
                settings=settings,
                pool=pool,
                engine=await opened.enter_async_context(open_engine(settings)),
                keys=keys,
                envelope=envelope,
                bells=bells,
                stopping=stop,
                clients=clients,
                tenants=tenants,
                gatekeeper=Gatekeeper(access_verifier(settings, trust), tenants, policies, audit),
                door=_door(pool, commands, starter, keys, envelope, trust),
                changes=Changes(pool, Snapshots(pool, business_events()), bell.ring),
                bell=bell,
                documents=PostgresDocuments(pool, bell.ring),
                parties=PartyData(keys, envelope),
                blobs=DiskBlobs(settings.home / "documents", envelope),
                super_pool=super_pool,
                super_engine=await opened.enter_async_context(open_engine(above)),
                policies=policies,
                audit=audit,
                pins=PinVault(pool, keys),
                facts=PostgresFacts(pool),
                allowances=Allowances(pool),
            )
        )
        measure_when_scraped(partial(measure, pool, starter))
        await http(app, listening, stop, partial(notify, settings))
        for task in running:
            task.cancel()


def _door(
    pool: AsyncConnectionPool[Any], commands: Commands, starter: Starter, keys: KeyStore,
    envelope: Envelope, trust: Trust,
) -> Door:  # fmt: skip
    personal, quotes = PersonalData(keys, envelope), SignedQuotes(keys, quote_verifier(trust))
    return Door(pool=pool, commands=commands, starter=starter, personal=personal, quotes=quotes)
