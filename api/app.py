"""The resource server, put together."""

import asyncio
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine

from api import changes, contract, health, notifications, problems, webhooks
from api.accepting import Door
from api.books.routers import ROUTERS as BOOKS
from api.changing import install_changing
from api.deciding.routers import ROUTERS as DECIDING
from api.documents.routers import ROUTERS as DOCUMENTS
from api.guard import Guard
from api.identity.routers import ROUTERS as IDENTITY
from api.movements.routers import ROUTERS as MOVEMENTS
from api.movements.routers import of_the_catalogue
from api.operations.routers import ROUTERS as OPERATIONS
from api.parties.routers import ROUTERS as PARTIES
from api.parties.uploads import UPLOADS
from api.rules import uniform
from api.rules.routers import ROUTERS as RULES
from api.security import Caller, Gatekeeper
from api.start import Clients
from api.tenants.routers import ROUTERS as TENANTS
from api.terms.routers import ROUTERS as TERMS
from api.wallets.routers import ROUTERS as WALLETS
from mmo.audit.postgres import AuditLog
from mmo.changes.support.changes import Changes
from mmo.documents.ports import DocumentStore
from mmo.identity.pins import PinVault
from mmo.identity.policy import Policies
from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore
from mmo.messaging.bell import Bell
from mmo.movements.support.allowances import Allowances
from mmo.movements.support.ports import FactsReader
from mmo.notifications.bells import Bells
from mmo.parties.blobs import BlobStore
from mmo.parties.personal import PartyData
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister

TAGS = (
    "movements",
    "wallets",
    "parties",
    "products",
    "tariffs",
    "limit profiles",
    "suspensions",
    "books",
    "documents",
    "rules",
    "approvals",
    "pins",
    "tasks",
    "notifications",
    "webhooks",
    "code lists",
    "identity",
    "tenants",
    "operations",
    "operation",
)
"""In the order in which the contract shows them."""


ROOMS = (
    *(WALLETS, PARTIES, DOCUMENTS, IDENTITY, TENANTS),
    *(TERMS, BOOKS, OPERATIONS, RULES, DECIDING),
    (notifications.router, webhooks.router, changes.router),
)
"""The routes of each room; those of movements come before all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is given by its composition root."""

    settings: Settings
    pool: AsyncConnectionPool[Any]
    engine: AsyncEngine
    keys: KeyStore
    envelope: Envelope
    bells: Bells
    stopping: asyncio.Event
    clients: Clients
    tenants: TenantRegister
    gatekeeper: Gatekeeper
    door: Door
    changes: Changes
    bell: Bell
    documents: DocumentStore
    parties: PartyData
    blobs: BlobStore
    super_pool: AsyncConnectionPool[Any]
    super_engine: AsyncEngine
    policies: Policies
    audit: AuditLog
    pins: PinVault
    facts: FactsReader
    allowances: Allowances


def create_app(parts: Parts, *more: APIRouter) -> Guard:
    """The application behind its guard, with routes beside the published ones where there are."""
    app = create_routes()
    for router in more:
        app.include_router(router)
    app.state.parts = parts
    for part in fields(parts):
        setattr(app.state, part.name, getattr(parts, part.name))

    async def authenticate(token: str) -> Caller:
        try:
            return await parts.gatekeeper.admit(token)
        except problems.DATABASE_AWAY:
            raise await problems.without_database(parts.pool) from None

    return Guard(app, authenticate, UPLOADS)


def create_routes() -> FastAPI:
    """Every route, without what stands behind it: enough to publish the contract."""
    app = FastAPIOffline(  # /docs loads nothing from elsewhere
        title="mmo",
        summary="An open mobile money operator.",
        version="1",
        openapi_tags=[{"name": name} for name in TAGS],
        redirect_slashes=False,
    )
    problems.install(app)
    install_changing(app)
    app.include_router(health.router)
    app.include_router(uniform.router)
    for router in chain(of_the_catalogue(), MOVEMENTS, *ROOMS):
        app.include_router(router, prefix="/v1")
    contract.publish(app)
    return app
