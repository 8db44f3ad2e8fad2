"""What the token endpoint gives, to whom, and how it refuses."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws

from mmo.identity import clients
from mmo.keys.development import DevelopmentKeys
from mmo.keys.jwk import public_jwk
from mmo.keys.ports import KeysAwayError
from tests.api.authorization.conftest import SECRET, Asked, parts_of
from tests.mmo.identity.registry import ISSUER


async def test_a_program_gets_a_token_of_its_own(asked: Asked) -> None:
    answer = await asked.machine()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    claims = asked.claims(answer)
    assert (claims["sub"], claims["scope"], claims["tenant"]) == (
        "payroll",
        "movements:read",
        "demo",
    )
    assert claims["iss"] == f"{ISSUER}/t/demo"
    assert "refresh_token" not in answer.json()


async def test_a_secret_in_the_header_is_the_same(asked: Asked) -> None:
    answer = await asked.http.post(
        "/t/demo/token", data={"grant_type": "client_credentials"}, auth=("payroll", SECRET)
    )

    assert answer.status_code == 200


@pytest.mark.case("B9")
@pytest.mark.parametrize("grant", ["password", "implicit", "", "urn:x", "device_code"])
async def test_other_grants_are_not_supported(asked: Asked, grant: str) -> None:
    answer = await asked.machine(grant_type=grant)

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.case("B10")
async def test_a_scope_that_the_client_has_not_is_refused(asked: Asked) -> None:
    answer = await asked.machine(scope="movements:read wallets:write")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.case("B11")
async def test_after_wrong_secrets_a_guesser_is_slowed_down_and_the_client_is_not(
    asked: Asked,
) -> None:
    wrong = [(await asked.machine(client_secret="wrong")).status_code for _ in range(6)]
    right = await asked.machine()
    other = await asked.machine("other")

    assert wrong == [401] * 5 + [429]
    assert right.status_code == 200, "who knows a client's name cannot keep it out"
    assert other.status_code == 200


async def test_an_unknown_client_is_refused_like_a_wrong_secret(asked: Asked) -> None:
    unknown = await asked.machine(client_id="nobody")
    wrong = await asked.machine(client_secret="wrong")

    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())


@pytest.mark.case("B12")
async def test_a_client_proves_itself_by_its_own_key(asked: Asked) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    public = public_jwk(numbers.x, numbers.y)
    async with asked.registry.scoped() as connection:
        await clients.create(
            connection, 1, "partner", name="Partner", kind="confidential", created_by="test",
            grants=["client_credentials"], scopes=["movements:read"], jwks={"keys": [public]},
        )  # fmt: skip

    async def proves(**other: object) -> httpx.Response:
        now = int(time.time())
        claims = {"iss": "partner", "sub": "partner", "aud": f"{ISSUER}/t/demo", "iat": now,
                  "exp": now + 60, "jti": uuid.uuid4().hex} | other  # fmt: skip
        signed = jws.sign(claims, private, {"typ": "JWT", "kid": public["kid"]}, "ES256")
        return await asked.token(
            grant_type="client_credentials", client_id="partner", client_assertion=signed,
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )  # fmt: skip

    jti = uuid.uuid4().hex
    assert (await proves(jti=jti)).status_code == 200
    assert (await proves(jti=jti)).json()["error"] == "invalid_client", "the same assertion again"
    assert (await proves(aud=f"{ISSUER}/t/other")).json()["error"] == "invalid_client"
    assert (await proves(exp=int(time.time()) + 3600)).json()["error"] == "invalid_client"
    assert (await proves(exp=int(time.time()) - 60)).json()["error"] == "invalid_client"
    assert (await proves(sub="payroll")).json()["error"] == "invalid_client"


@pytest.mark.case("B22")
async def test_the_token_endpoint_takes_a_form_in_which_each_name_stands_once(asked: Asked) -> None:
    url, form = "/t/demo/token", {"content-type": "application/x-www-form-urlencoded"}
    json = await asked.http.post(url, json={"grant_type": "client_credentials"})
    double = await asked.http.post(url, content="grant_type=a&grant_type=b", headers=form)
    large = await asked.http.post(url, content="a=" + "b" * 2**20, headers=form)
    broken = await asked.http.post(url, content="\xff\xfe".encode("latin-1"), headers=form)

    assert [one.status_code for one in (json, double, large, broken)] == [400, 400, 413, 400]
    assert all("error" in one.json() for one in (json, double, large, broken))


@pytest.mark.case("B18")
async def test_the_issuer_is_its_address_and_unknown_tenants_look_like_suspended_ones(
    asked: Asked,
) -> None:
    found = await asked.http.get("/t/demo/.well-known/openid-configuration")
    rfc = await asked.http.get("/.well-known/oauth-authorization-server/t/demo")
    assert found.json() == rfc.json()
    assert found.json()["issuer"] == f"{ISSUER}/t/demo"

    with psycopg.connect(asked.registry.database.admin) as connection:
        connection.execute("UPDATE tenancy.tenant SET state = 'suspended' WHERE slug = 'other'")
    asked.forget_tenants()
    unknown = await asked.http.get("/t/nowhere/jwks.json")
    suspended = await asked.http.get("/t/other/jwks.json")
    assert (unknown.status_code, unknown.content) == (suspended.status_code, suspended.content)
    assert unknown.status_code == 404


@pytest.mark.case("B19")
async def test_the_key_set_shows_public_halves_and_may_be_kept_for_minutes(asked: Asked) -> None:
    answer = await asked.http.get("/t/demo/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json()["keys"]
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


@pytest.mark.case("B20")
async def test_introspection_tells_a_tenants_own_clients_about_its_own_tokens(asked: Asked) -> None:
    token = (await asked.machine()).json()["access_token"]

    async def told(tenant: str, shown: str) -> dict[str, object]:
        answer = await asked.http.post(
            f"/t/{tenant}/introspect", data={"token": shown}, auth=("payroll", SECRET)
        )
        return answer.json()

    assert (await told("demo", token))["sub"] == "payroll"
    assert await told("other", token) == {"active": False}
    assert await told("demo", "junk") == {"active": False}


@pytest.mark.case("B21")
async def test_revoking_an_unknown_token_is_a_success(asked: Asked) -> None:
    answer = await asked.http.post(
        "/t/demo/revoke", data={"token": "unknown"}, auth=("payroll", SECRET)
    )

    assert answer.status_code == 200


@pytest.mark.case("B24")
async def test_without_the_hsm_no_token_is_issued_and_everything_else_goes_on(asked: Asked) -> None:
    token = (await asked.machine()).json()["access_token"]

    asked.app.state.parts = parts_of(asked.parts.settings, asked.parts.pool, asked.registry, Away())
    refused = await asked.machine()
    asked_about = await asked.http.post(
        "/t/demo/introspect", data={"token": token}, auth=("payroll", SECRET)
    )

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert asked_about.json()["active"]
    assert (await asked.http.get("/t/demo/jwks.json")).status_code == 200


class Away(DevelopmentKeys):
    """A token that does not answer."""

    def __init__(self) -> None:
        """Hold nothing."""

    async def sign(self, *_: Any) -> str:
        raise KeysAwayError("the token is away")


async def test_many_programs_at_once_get_a_token_each(asked: Asked) -> None:
    answers = await asyncio.gather(*(asked.machine() for _ in range(40)))

    assert {one.status_code for one in answers} == {200}
    assert len({asked.claims(one)["jti"] for one in answers}) == 40
