"""No text of whoever is not known yet breaks the authorization server, on any of its routes."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tests.api.authorization.conftest import PASSWORD, RETURN, Asked, asking

NUL = "a\0b"
FIELDS = (
    "client_id", "client_secret", "client_assertion", "grant_type", "code", "code_verifier",
    "redirect_uri", "scope", "token", "msisdn", "pin", "device", "username", "password", "next",
    "invitation", "seed", "subject_token", "reason",
)  # fmt: skip


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path of the server."""

    def walked(found: Any) -> Iterator[APIRoute]:
        for route in found:
            if isinstance(route, APIRoute):
                yield route
            elif hasattr(route, "original_router"):
                yield from walked(route.original_router.routes)

    for route in walked(app.routes):
        for method in sorted(route.methods):
            yield method, route.path


@pytest.mark.case("F4")
async def test_a_nul_is_refused_wherever_it_stands_on_every_route(asked: Asked) -> None:
    walked = list(routes(asked.app))
    assert {path for _, path in walked} >= {"/t/{tenant}/token", "/t/{tenant}/authorize"}
    basic = base64.b64encode(b"pay%00roll:secret").decode()
    query = asking("v" * 43) | {"client_id": NUL}
    for method, path in walked:
        here = path.replace("{tenant}", "demo")
        answers = [
            await asked.http.request(method, path.replace("{tenant}", "a%00b")),
            await asked.http.request(method, here, params=query),
            await asked.http.request(
                method, here, headers={"Cookie": '__Host-mmo_rt_demo="\\000"'}
            ),
            await asked.http.request(method, here, headers={"Authorization": f"Basic {basic}"}),
        ]
        if method == "POST":
            form = {"client_id": "payroll", "grant_type": "client_credentials"}
            forms = [form, *(form | {name: NUL} for name in FIELDS)]
            headers = {"Authorization": f"Basic {basic}"}
            answers += [await asked.http.post(here, data=one) for one in forms]
            answers += [await asked.http.post(here, data=one, headers=headers) for one in forms]
        for answer in answers:
            assert answer.status_code < 500, f"{method} {path}: {answer.request!r}"


async def test_the_address_that_a_log_in_goes_on_to_holds_no_nul(asked: Asked) -> None:
    answer = await asked.http.post(
        "/t/demo/login",
        data={"next": f"client_id=a%00b&redirect_uri={RETURN}", "username": "amina"},
    )

    assert answer.status_code == 400


@pytest.mark.parametrize("seed", ["!!!", "A", "\u00e9" * 8, "0189" * 8, "A" * 31, "", "A" * 5000])
@pytest.mark.parametrize("code", ["123456", "\u00e912345", "\uff11\uff12\uff13\uff14\uff15\uff16"])
async def test_an_authenticator_is_set_up_by_a_seed_of_160_bits_only(
    asked: Asked, seed: str, code: str
) -> None:
    fields = {"invitation": "x", "seed": seed, "password": PASSWORD, "code": code}

    answer = await asked.http.post("/t/demo/enrol", data=fields)

    assert answer.status_code == 400
