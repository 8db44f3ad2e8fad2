"""The resource server, put together."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine

from api import answers, contract, health, movements, problems, wallets
from api.guard import Guard
from api.movements import Door
from api.queries import movements as movement_queries
from api.queries import wallets as wallet_queries
from api.security import Gatekeeper
from api.start import Clients
from mmo.changes.wallets import WalletChanges
from mmo.keys.ports import KeyStore
from mmo.movements.support.catalogue import movements as catalogue
from mmo.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is given by its composition root."""

    settings: Settings
    pool: AsyncConnectionPool[Any]
    engine: AsyncEngine
    keys: KeyStore
    clients: Clients
    gatekeeper: Gatekeeper
    door: Door
    wallet_changes: WalletChanges


def create_app(parts: Parts, *more: APIRouter) -> Guard:
    """The application behind its guard, with routes beside the published ones where there are."""
    app = create_routes()
    for router in more:
        app.include_router(router)
    app.state.parts = parts
    app.state.pool = parts.pool
    app.state.engine = parts.engine
    app.state.keys = parts.keys
    app.state.clients = parts.clients
    app.state.gatekeeper = parts.gatekeeper
    app.state.door = parts.door
    app.state.wallet_changes = parts.wallet_changes
    return Guard(app)


def create_routes() -> FastAPI:
    """Every route, without what stands behind it: enough to publish the contract."""
    app = FastAPIOffline(  # /docs loads nothing from elsewhere
        title="mmo",
        summary="An open mobile money operator.",
        version="1",
        openapi_tags=[{"name": name} for name in ("movements", "wallets", "operation")],
        redirect_slashes=False,
    )
    problems.install(app)
    app.include_router(health.router)
    for movement in catalogue().values():
        app.include_router(movements.route_of(movement), prefix="/v1")
    for offered in answers.answers():
        app.include_router(answers.route_of(offered), prefix="/v1")
    app.include_router(wallets.router, prefix="/v1")
    app.include_router(wallet_queries.router, prefix="/v1")
    app.include_router(movement_queries.router, prefix="/v1")
    contract.publish(app)
    return app
