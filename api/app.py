"""The resource server, put together."""

import asyncio
from dataclasses import dataclass, fields
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine

from api import (
    answers,
    authorisation_codes,
    book_reports,
    books,
    changes,
    code_lists,
    contract,
    document_kinds,
    documents,
    flags,
    health,
    limit_profiles,
    limits,
    mini_statements,
    movements,
    notifications,
    offices,
    parties,
    party_files,
    party_reads,
    pins,
    problems,
    products,
    qr,
    quotes,
    reconciliations,
    super_reads,
    suspensions,
    tariffs,
    tasks,
    tenant_groups,
    tenants,
    terms,
    trust,
    vouchers,
    wallets,
    webhooks,
)
from api.accepting import Door
from api.changing import install_changing
from api.deciding import approvals, substitutes
from api.guard import Guard
from api.identity import clients, roles, users
from api.queries import figures, statements
from api.queries import movements as movement_queries
from api.queries import wallets as wallet_queries
from api.rules import backtests, explaining, governing, uniform
from api.security import Gatekeeper
from api.start import Clients
from mmo.audit.postgres import AuditLog
from mmo.changes.support.changes import Changes
from mmo.documents.ports import DocumentStore
from mmo.identity.pins import PinVault
from mmo.identity.policy import Policies
from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore
from mmo.messaging.bell import Bell
from mmo.movements.support.allowances import Allowances
from mmo.movements.support.catalogue import movements as catalogue
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
    "operation",
)
"""In the order in which the contract shows them."""


PREPARED = {
    "payment-request": authorisation_codes.PREPARED,
    "voucher": vouchers.PREPARED,
}
"""Movement → what its acceptance needs beside the command."""


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
    return Guard(app)


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
    for movement in catalogue().values():
        prepared = PREPARED.get(movement.name)
        app.include_router(movements.route_of(movement, prepared), prefix="/v1")
    for movement in catalogue().values():
        if movement.priced:
            app.include_router(quotes.route_of(movement), prefix="/v1")
    for offered in answers.routed():
        app.include_router(answers.route_of(offered), prefix="/v1")
    administration = (users, roles, clients, code_lists, tenants, tenant_groups, super_reads)
    known = (parties, party_files, party_reads, offices)
    products_and_documents = (products, document_kinds, documents, pins)
    for module in (wallets, flags, vouchers, *known, *products_and_documents, *administration):
        app.include_router(module.router, prefix="/v1")
    app.include_router(uniform.router)
    for module in (
        tariffs,
        limit_profiles,
        suspensions,
        terms,
        book_reports,
        books,
        reconciliations,
        trust,
        governing,
        explaining,
        backtests,
        substitutes,
        approvals,
        tasks,
        notifications,
        webhooks,
    ):
        app.include_router(module.router, prefix="/v1")
    app.include_router(changes.router, prefix="/v1")
    app.include_router(wallet_queries.router, prefix="/v1")
    app.include_router(statements.router, prefix="/v1")
    app.include_router(mini_statements.router, prefix="/v1")
    app.include_router(qr.router, prefix="/v1")
    app.include_router(limits.router, prefix="/v1")
    app.include_router(authorisation_codes.router, prefix="/v1")
    app.include_router(movement_queries.router, prefix="/v1")
    app.include_router(figures.router, prefix="/v1")
    contract.publish(app)
    return app
