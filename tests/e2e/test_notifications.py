"""Notices to staff: by role and office, never to who caused it, at once and until it is read."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from tests.e2e.ruling import give_product, rule
from tests.e2e.test_messages import until
from tests.e2e.town import Person, Town

SCOPES = ("notifications:read", "wallets:write", "wallets:on-behalf", "wallets:read")


def employ(town: Town, books: psycopg.Connection, role: str, office: str) -> Person:
    """Somebody of staff with a user account, a role and an office."""
    user = str(uuid4())
    with books.transaction():
        books.execute(
            """INSERT INTO identity.user_account (tenant_id, id, username, name, state, attributes,
                                                  created_by)
               VALUES (1, %s, %s, 'Staff', 'active', %s, 'tests')""",
            [user, f"u{user[:12]}", json.dumps({"office": office})],
        )
        books.execute(
            """INSERT INTO identity.role (tenant_id, id, name, permissions)
               SELECT 1, 5000 + (random() * 1000000)::int, %s, '{}'
                WHERE NOT EXISTS (SELECT FROM identity.role WHERE tenant_id = 1 AND name = %s)""",
            [role, role],
        )
        books.execute(
            """INSERT INTO identity.role_grant (tenant_id, user_id, role_id, state, asked_by,
                                                decided_by)
               SELECT 1, %s, id, 'active', 'tests', 'nobody' FROM identity.role
                WHERE tenant_id = 1 AND name = %s""",
            [user, role],
        )
    claims = town.claims(user, SCOPES)
    return Person(town.staff.http, user, town.sign(claims))


async def heard(who: Person, after: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """The notifications of a stream, as a browser hears them."""
    headers = {"Authorization": f"Bearer {who.token}"} | (
        {"Last-Event-ID": after} if after is not None else {}
    )
    base = str(who.http.base_url)
    async with (
        httpx.AsyncClient(base_url=base, timeout=30) as client,
        client.stream("GET", "/v1/notifications/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        told: dict[str, Any] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line == ": listening":
                yield {"listening": True}
            elif name in {"id", "event", "data"}:
                told[name] = value
            elif not line and told:
                yield {**json.loads(told["data"]), "place": told["id"]}
                told = {}


async def test_a_role_is_told_by_office_but_not_who_caused_it(
    demo: Town, books: psycopg.Connection
) -> None:
    role, product = f"risk-{secrets.token_hex(4)}", 1000 + secrets.randbelow(10**6)
    causes = employ(demo, books, role, "ke/nairobi/cbd")
    near = employ(demo, books, role, "ke/nairobi/west")
    far = employ(demo, books, role, "ke/nairobi-north")
    other = employ(demo, books, f"{role}-x", "ke/nairobi")
    alice = await demo.customer()
    give_product(books, alice.wallet, product)
    told = {"topic": "freezes", "role": role, "office": "ke/nairobi", "text": "{{event}} done"}
    with rule(books, "wallet.freeze", "notification", told, product=product):
        stream = heard(near)
        assert await anext(stream) == {"listening": True}
        frozen = await causes.post(f"/v1/wallets/{alice.wallet}/freeze")
        assert frozen.status_code == 200, frozen.text
        async with asyncio.timeout(30):
            first = await anext(stream)
        await stream.aclose()

    assert first["text"].endswith("done")
    assert first["about"]["parties"] == {"wallet": alice.wallet}

    async def inbox(who: Person, query: str = "") -> list[dict[str, Any]]:
        answer = await who.get(f"/v1/notifications{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    (kept,) = await until(lambda: inbox(near))
    assert kept["id"] == first["id"]
    assert [await inbox(who) for who in (causes, far, other)] == [[], [], []]
    where = f"/v1/notifications/{kept['id']}/read"
    read, again = await near.post(where), await near.post(where)
    assert read.json()["read_at"]
    assert read.json() == again.json()
    assert (await far.post(where)).status_code == 404
    assert await inbox(near, "?unread=true") == []
    missed = heard(near, after="0")
    assert await anext(missed) == {"listening": True}
    async with asyncio.timeout(10):
        assert (await anext(missed))["id"] == first["id"]
    await missed.aclose()
