"""A super-tenant's staff enter a tenant as the guest they were made there, and both audits know."""

import time
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from api.scopes import scopes
from mmo.identity import clients, users
from mmo.identity.standard import AUDITOR, CLERK
from mmo.kernel.identifiers import mint
from mmo.keys.ports import Purpose
from tests.api.authorization.conftest import Asked
from tests.mmo.identity.registry import opened

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:ietf:params:oauth:token-type:access_token"
SUPER = 3


@pytest.fixture
async def auditor(asked: Asked) -> str:
    """Somebody of the super-tenant, with a token of it."""
    await opened(asked.registry.database, SUPER, "super", "super")
    asked.registry.keys.make("super")
    asked.forget_tenants()
    async with asked.registry.scoped(SUPER) as connection:
        await clients.create(
            connection, SUPER, "hq", name="Headquarters", kind="public", created_by="test",
            grants=["authorization_code"], scopes=sorted(scopes()),
        )  # fmt: skip
        user = mint()
        await users.create(
            connection, SUPER, user, username="zawadi", name="Zawadi", created_by="test",
            attributes={}, home="else/where",
        )  # fmt: skip
        await users.ask_grant(connection, SUPER, user, AUDITOR, "one")
        await users.activate_grant(connection, SUPER, user, AUDITOR, "two")
    return await token_of(asked, str(user), "super", client="hq", roles=["auditor"])


async def token_of(asked: Asked, subject: str, tenant: str, **other: Any) -> str:
    now = int(time.time())
    client = other.pop("client", "console")
    claims = {"sub": subject, "client_id": client, "aud": "mmo-api", "iat": now, "exp": now + 300,
              "jti": mint().hex, "scope": "super:read"} | other  # fmt: skip
    return await asked.registry.keys.sign(tenant, Purpose.JWT, claims)


def subject_of(asked: Asked, token: str) -> str:
    return str(asked.parts.verifier.verify(token)["sub"])


async def invite(asked: Asked, home: str, *roles: int) -> UUID:
    """Make somebody a guest of the tenant demo."""
    guest = mint()
    async with asked.registry.scoped() as connection:
        await users.create(
            connection, 1, guest, username=f"guest-{guest.hex[-6:]}", name="Guest",
            created_by="amina", attributes={}, home=home,
        )  # fmt: skip
        for role in roles:
            await users.ask_grant(connection, 1, guest, role, "amina")
            await users.activate_grant(connection, 1, guest, role, "brian")
    asked.parts.policies.forget(1)
    return guest


async def enters(asked: Asked, token: str, **other: str) -> httpx.Response:
    fields = {"grant_type": EXCHANGE, "client_id": "entry", "subject_token": token,
              "subject_token_type": KIND, "reason": "a question of the regulator"}  # fmt: skip
    return await asked.token(**(fields | other))


@pytest.mark.case("C8")
async def test_a_guest_enters_with_a_reason_and_is_named_as_who_they_are(
    asked: Asked, auditor: str
) -> None:
    guest = await invite(asked, f"super/{subject_of(asked, auditor)}", CLERK)

    answer = await enters(asked, auditor)

    assert answer.status_code == 200, answer.text
    claims = asked.claims(answer)
    assert (claims["tenant"], claims["sub"], claims["roles"]) == ("demo", str(guest), ["clerk"])
    assert claims["act"]["sub"] == subject_of(asked, auditor)
    assert claims["act"]["iss"].endswith("/t/super")
    with psycopg.connect(asked.registry.database.admin) as connection:
        noted = connection.execute(
            """SELECT tenant_id, reason FROM audit.record WHERE action = 'tenant.entered'
                ORDER BY tenant_id"""
        ).fetchall()
    assert noted == [(1, "a question of the regulator"), (3, "a question of the regulator")]


@pytest.mark.case("B17")
async def test_who_is_no_guest_does_not_enter(asked: Asked, auditor: str) -> None:
    assert (await enters(asked, auditor)).json()["error"] == "invalid_grant"


@pytest.mark.case("B17")
async def test_a_guest_whose_roles_nobody_activated_does_not_enter(
    asked: Asked, auditor: str
) -> None:
    await invite(asked, f"super/{subject_of(asked, auditor)}")

    assert (await enters(asked, auditor)).json()["error"] == "invalid_grant"


@pytest.mark.case("B17")
async def test_nobody_enters_their_own_tenant_or_goes_on_from_a_guests_token(
    asked: Asked, auditor: str
) -> None:
    await invite(asked, f"super/{subject_of(asked, auditor)}", CLERK)
    entered = (await enters(asked, auditor)).json()["access_token"]
    chained = await token_of(
        asked, subject_of(asked, auditor), "super", client="hq", roles=["auditor"],
        act={"sub": "somebody", "iss": "elsewhere"},
    )  # fmt: skip

    assert (await enters(asked, entered)).json()["error"] == "invalid_grant"
    assert (await enters(asked, chained)).json()["error"] == "invalid_grant"


@pytest.mark.case("B17")
async def test_a_wider_scope_than_the_guests_is_refused(asked: Asked, auditor: str) -> None:
    await invite(asked, f"super/{subject_of(asked, auditor)}", CLERK)

    answer = await enters(asked, auditor, scope="movements:read identity:write")
    assert answer.json()["error"] == "invalid_scope"


@pytest.mark.parametrize("reason", ["", "why", "x" * 201, "a\nb c d e"])
async def test_nobody_enters_without_a_reason(asked: Asked, auditor: str, reason: str) -> None:
    await invite(asked, f"super/{subject_of(asked, auditor)}", CLERK)

    assert (await enters(asked, auditor, reason=reason)).json()["error"] == "invalid_request"
