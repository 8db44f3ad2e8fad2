"""A third operator, opened by its workflow while everything runs, and asking as anybody."""

import asyncio
import time
from typing import Any

import httpx

from tests.e2e.town import Person, Town

OPEN_S = 60.0
WHY = "complaint 4711 of a customer"


async def ask(
    person: Person, path: str, method: str = "GET", body: Any = None, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    token = {"Authorization": f"Bearer {person.token}"}
    return await person.http.request(method, path, json=body, headers=token | named)


class Third(Town):
    """A tenant that was opened by its workflow, in the running operator."""

    invitation: str


async def until_active(above: Town, slug: str) -> None:
    deadline = time.monotonic() + OPEN_S
    while True:
        answer = await ask(above.staff, f"/v1/tenants/{slug}")
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] == "active":
            return
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.2)


def wanted(slug: str) -> dict[str, Any]:
    return {
        "slug": slug, "name": "Third Mobile Money", "timezone": "Africa/Kampala", "country": "UG",
        "currencies": ["UGX"], "administrator": {"username": "grace", "name": "Grace"},
        "console": "https://console.example/back",
    }  # fmt: skip
