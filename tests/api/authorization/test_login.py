"""Staff log in by the page: nothing is told to who guesses, nothing is sent elsewhere."""

import asyncio
import secrets
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.api.authorization.conftest import PASSWORD, RETURN, SCOPES, Asked, asking
from tests.mmo.identity.registry import ISSUER

pytestmark = pytest.mark.usefixtures("amina")
REFRESH = "__Host-mmo_rt_demo"


@pytest.mark.case("B15")
async def test_the_whole_way_from_the_page_to_a_token(asked: Asked, amina: UUID) -> None:
    code, verifier = await asked.log_in_by_code("amina")
    answer = await asked.by_code(code, verifier)

    claims = asked.claims(answer)
    assert claims["sub"] == str(amina)
    assert claims["roles"] == ["checker", "clerk"]
    assert claims["amr"] == ["pwd", "otp"]
    assert claims["attributes"] == {"office": "main"}
    assert set(claims["scope"].split()) == set(SCOPES)
    assert "refresh_token" not in answer.json(), "it travels in its cookie only"
    cookie = answer.headers["set-cookie"]
    for part in (REFRESH, "Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


async def test_a_log_in_goes_on_by_its_cookie(asked: Asked) -> None:
    await asked.by_code(*await asked.log_in_by_code("amina"))
    first = asked.http.cookies[REFRESH]
    answer = await asked.refresh()

    assert answer.status_code == 200
    assert asked.claims(answer)["roles"] == ["checker", "clerk"]
    assert asked.http.cookies[REFRESH] != first


@pytest.mark.case("B14")
@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"},
                {"sec-fetch-site": "same-site"}, {"MMO-Same-Site": "0"}]
)  # fmt: skip
async def test_another_sites_page_cannot_refresh(asked: Asked, headers: dict[str, str]) -> None:
    await asked.by_code(*await asked.log_in_by_code("amina"))

    assert (await asked.refresh(**headers)).status_code == 403
    assert (await asked.refresh()).status_code == 200


async def test_a_refresh_token_in_a_body_is_refused(asked: Asked) -> None:
    answer = await asked.token(
        grant_type="refresh_token", client_id="console", refresh_token="anything"
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.case("B2")
async def test_forty_parallel_refreshes_leave_one_live_successor(asked: Asked) -> None:
    await asked.by_code(*await asked.log_in_by_code("amina"))
    cookie = {"cookie": f"{REFRESH}={asked.http.cookies[REFRESH]}"}
    asked.http.cookies.clear()

    answers = await asyncio.gather(*(asked.refresh(**cookie) for _ in range(40)))

    assert {one.status_code for one in answers} == {200}
    with psycopg.connect(asked.registry.database.admin) as connection:
        row = connection.execute(
            "SELECT count(*) FROM identity.refresh_token WHERE used_at IS NULL"
        ).fetchone()
    assert row == (1,)


@pytest.mark.case("B7")
async def test_a_code_that_comes_again_ends_what_it_brought_forth(asked: Asked) -> None:
    code, verifier = await asked.log_in_by_code("amina")
    first = await asked.by_code(code, verifier)
    assert first.status_code == 200

    again = await asked.by_code(code, verifier)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await asked.refresh()).status_code == 400
    policy = await asked.parts.policies.of(1)
    assert policy.refuses(asked.claims(first)) == "epoch"


@pytest.mark.case("B8")
async def test_a_code_needs_its_own_verifier_and_address(asked: Asked) -> None:
    for other in ({"code_verifier": secrets.token_urlsafe(48)}, {"code_verifier": ""},
                  {"redirect_uri": RETURN + "/"}, {"client_id": "entry"}):  # fmt: skip
        code, verifier = await asked.log_in_by_code("amina")
        answer = await asked.by_code(code, verifier, **other)
        assert answer.status_code in {400, 401}, other
        asked.http.cookies.clear()


@pytest.mark.case("B8")
@pytest.mark.parametrize(
    "address",
    [RETURN + "/x", RETURN + "?a=b", "http://127.0.0.1:9001/back", "https://127.0.0.1:9000/back",
     "//evil.example/back", "http://amina@127.0.0.1:9000/back", "http://127.0.0.1:9000/BACK",
     "http://127.0.0.1:9000/back%2f", "http://127.0.0.1:9000/../back", ""],
)  # fmt: skip
async def test_only_the_registered_address_letter_by_letter(asked: Asked, address: str) -> None:
    query = asking("v" * 43) | {"redirect_uri": address}
    answer = await asked.http.get("/t/demo/authorize", params=query)

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.case("B8")
@pytest.mark.parametrize("method", ["plain", "", "s256"])
async def test_pkce_is_s256(asked: Asked, method: str) -> None:
    query = asking("v" * 43) | {"code_challenge_method": method}

    assert (await asked.http.get("/t/demo/authorize", params=query)).status_code == 400


@pytest.mark.case("B13")
async def test_unknown_wrong_and_locked_are_one_answer(asked: Asked) -> None:
    asked.totp["nobody"] = asked.totp["amina"]
    unknown = await asked.login("nobody")
    wrong = await asked.login("amina", password="not hers at all")

    def shape(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.text.replace("nobody", "amina")

    assert shape(unknown) == shape(wrong)
    for _ in range(5):
        await asked.login("amina", password="not hers at all")
    locked = await asked.login("amina")
    assert shape(locked) == shape(wrong), "right, and locked"


async def test_a_one_time_code_works_once(asked: Asked) -> None:
    code = asked.code("amina")
    fields = {"username": "amina", "password": PASSWORD, "code": code, "next": ""}

    first = await asked.http.post("/t/demo/login", data=fields)
    second = await asked.http.post("/t/demo/login", data=fields)
    assert [first.status_code, second.status_code] == [303, 401]


async def test_the_page_leads_to_an_address_of_ours_only(asked: Asked) -> None:
    came = await asked.login("amina", next_="//evil.example/?a=b")

    assert came.status_code == 400
    assert "location" not in came.headers


async def test_a_form_of_another_site_logs_nobody_in(asked: Asked) -> None:
    came = await asked.login("amina", origin="https://evil.example")

    assert came.status_code == 403


async def test_the_page_cannot_be_framed_and_runs_no_script(asked: Asked) -> None:
    page = await asked.http.get("/t/demo/login")

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page.text
    assert 'lang="en"' in page.text
    assert page.text.count("<label for=") == 3


async def test_what_is_typed_is_shown_as_it_is_and_does_nothing(asked: Asked) -> None:
    asked.totp['"><script>'] = asked.totp["amina"]
    page = await asked.login('"><script>')

    assert "<script" not in page.text


@pytest.mark.case("B16")
async def test_logging_out_ends_session_and_refresh(asked: Asked) -> None:
    await asked.by_code(*await asked.log_in_by_code("amina"))
    session = asked.http.cookies["__Host-mmo_session_demo"]
    out = await asked.http.post("/t/demo/logout", headers={"MMO-Same-Site": "1"})

    assert out.status_code == 200
    assert (await asked.refresh()).status_code == 400
    kept = await asked.http.get(
        "/t/demo/here", headers={"cookie": f"__Host-mmo_session_demo={session}"}
    )
    assert kept.status_code == 401


async def test_an_invitation_works_once(asked: Asked) -> None:
    await asked.enrol("brian")
    with psycopg.connect(asked.registry.database.admin) as connection:
        row = connection.execute(
            "SELECT state, invitation FROM identity.user_account WHERE username = 'brian'"
        ).fetchone()

    assert row == ("active", None)


async def test_the_answer_names_its_issuer(asked: Asked) -> None:
    await asked.login("amina")
    back = await asked.http.get("/t/demo/authorize", params=asking("v" * 43))

    told = httpx.QueryParams(urlsplit(back.headers["location"]).query)
    assert told["iss"] == f"{ISSUER}/t/demo"
    assert told["state"] == "s1"
