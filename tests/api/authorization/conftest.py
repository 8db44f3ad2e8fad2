"""The authorization server over a fresh database, asked as a client would ask it."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import psycopg
import pyotp
import pytest
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from api.authorization.app import create_routes
from api.authorization.cookies import PROOF_HEADER
from api.authorization.guard import Guard
from api.authorization.parts import Parts
from mmo.audit.postgres import AuditLog
from mmo.identity import clients, users
from mmo.identity.pins import PinVault
from mmo.identity.policy import Policies
from mmo.identity.standard import CHECKER, CLERK
from mmo.kernel.identifiers import mint
from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.wallets.personal import PersonalData
from tests.mmo.identity.registry import ISSUER, Registry, registry_of, server_of
from tests.servers.postgres import Database
from workers.wiring import access_verifier

PASSWORD = "a few words of hers"
RETURN = "http://127.0.0.1:9000/back"
SECRET = "s3cret" * 8
SCOPES = ["movements:read", "movements:read:all", "wallets:read", "histories:decode"]


@dataclass(slots=True)
class Asked:
    """The server, and what a browser and a client do with it."""

    http: httpx.AsyncClient
    parts: Parts
    registry: Registry
    app: FastAPI
    totp: dict[str, str] = field(default_factory=dict[str, str])

    async def token(self, tenant: str = "demo", **fields: Any) -> httpx.Response:
        return await self.http.post(f"/t/{tenant}/token", data=fields)

    async def machine(self, tenant: str = "demo", **fields: Any) -> httpx.Response:
        named = {
            "grant_type": "client_credentials",
            "client_id": "payroll",
            "client_secret": SECRET,
        }
        return await self.token(tenant, **(named | fields))

    async def refresh(self, tenant: str = "demo", **headers: str) -> httpx.Response:
        return await self.http.post(
            f"/t/{tenant}/token",
            data={"grant_type": "refresh_token", "client_id": "console"},
            headers={PROOF_HEADER: "1", **headers},
        )

    def claims(self, answer: httpx.Response) -> dict[str, Any]:
        return self.parts.verifier.verify(answer.json()["access_token"])

    async def enrol(self, username: str, *roles: int, tenant: int = 1) -> UUID:
        """A user of staff with password, authenticator and active roles."""
        user = mint()
        async with self.registry.scoped(tenant) as connection:
            invitation = await users.create(
                connection, tenant, user, username=username, name=username, created_by="test",
                attributes={"office": "main"},
            )  # fmt: skip
            for role in roles:
                await users.ask_grant(connection, tenant, user, role, "one")
                await users.activate_grant(connection, tenant, user, role, "two")
        seed = pyotp.random_base32()
        slug = {1: "demo", 2: "other"}[tenant]
        done = await self.http.post(
            f"/t/{slug}/enrol",
            data={"invitation": invitation, "seed": seed, "password": PASSWORD,
                  "code": pyotp.TOTP(seed).now()},
        )  # fmt: skip
        assert done.status_code == 200, done.text
        self.totp[username] = seed
        return user

    def forget_tenants(self) -> None:
        """Have the register of tenants read anew: it is kept for some seconds."""
        parts = parts_of(self.parts.settings, self.parts.pool, self.registry)
        self.parts = self.app.state.parts = parts

    def code(self, username: str) -> str:
        """A one-time code that was not used yet: the database forgets the last one."""
        with psycopg.connect(self.registry.database.admin) as connection:
            connection.execute("UPDATE identity.user_account SET totp_step = 0")
        return pyotp.TOTP(self.totp[username]).now()

    async def login(
        self, username: str, password: str = PASSWORD, next_: str = "", tenant: str = "demo",
        **headers: str,
    ) -> httpx.Response:  # fmt: skip
        fields = {
            "username": username,
            "password": password,
            "code": self.code(username),
            "next": next_,
        }
        return await self.http.post(f"/t/{tenant}/login", data=fields, headers=headers)

    async def log_in_by_code(self, username: str, **other: str) -> tuple[str, str]:
        """Go through the log-in page; answer with the code and its verifier."""
        verifier = secrets.token_urlsafe(48)
        query = httpx.QueryParams(asking(verifier) | other)
        shown = await self.http.get(f"/t/demo/authorize?{query}")
        assert shown.status_code == 200
        came = await self.login(username, next_=str(query))
        assert came.status_code == 303, came.text
        back = await self.http.get(came.headers["location"])
        assert back.status_code == 303, back.text
        return parse_qs(urlsplit(back.headers["location"]).query)["code"][0], verifier

    async def by_code(self, code: str, verifier: str, **other: str) -> httpx.Response:
        fields = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier,
                  "redirect_uri": RETURN, "client_id": "console"}  # fmt: skip
        return await self.token(**(fields | other))


def asking(verifier: str) -> dict[str, str]:
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return {
        "response_type": "code", "client_id": "console", "redirect_uri": RETURN, "state": "s1",
        "code_challenge": made.decode(), "code_challenge_method": "S256",
    }  # fmt: skip


def parts_of(
    settings: Settings, pool: AsyncConnectionPool[Any], registry: Registry,
    keys: KeyStore | None = None,
) -> Parts:  # fmt: skip
    keys = keys or registry.keys
    envelope = Envelope(keys)
    return Parts(
        settings=settings, pool=pool, keys=keys, trust=registry.keys,
        verifier=access_verifier(settings, registry.keys), envelope=envelope,
        tenants=TenantRegister(pool), policies=Policies(pool, settings.dsn()),
        pins=PinVault(pool, keys), audit=AuditLog(pool), personal=PersonalData(keys, envelope),
    )  # fmt: skip


@pytest.fixture
async def registry(database: Database, tmp_path: Path) -> AsyncIterator[Registry]:
    async with registry_of(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def server(registry: Registry) -> AsyncIterator[Registry]:
    async with server_of(registry) as opened:
        yield opened


@pytest.fixture
async def asked(registry: Registry, server: Registry) -> AsyncIterator[Asked]:
    """The server with two tenants, a console, a program with a secret, and an app."""
    for tenant in (1, 2):
        async with registry.scoped(tenant) as connection:
            await clients.create(
                connection, tenant, "console", name="Console", kind="public",
                grants=["authorization_code", "refresh_token"], scopes=SCOPES,
                redirect_uris=[RETURN], created_by="test",
            )  # fmt: skip
            await clients.create(
                connection, tenant, "payroll", name="Payroll", kind="confidential",
                grants=["client_credentials"], scopes=["movements:read"], created_by="test",
                secret=SECRET,
            )  # fmt: skip
            await clients.create(
                connection, tenant, "entry", name="Entry", kind="public", created_by="test",
                grants=["urn:ietf:params:oauth:grant-type:token-exchange"], scopes=SCOPES,
            )  # fmt: skip
    settings = registry.database.settings(
        "mmo_authorization", issuer=ISSUER, temporal_ui_url="http://127.0.0.1:8233"
    )
    parts = parts_of(settings, server.pool, registry)
    app = create_routes(parts)
    transport = httpx.ASGITransport(Guard(app))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
        yield Asked(http, parts, registry, app)


@pytest.fixture
async def amina(asked: Asked) -> UUID:
    """A clerk who is also a checker, and can log in."""
    return await asked.enrol("amina", CLERK, CHECKER)
