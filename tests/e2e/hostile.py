"""What the tests of bad input share: raw requests, and what a proper problem document is."""

import asyncio
import json
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx

from api.problems import PROBLEMS
from mmo.kernel.refusals import REFUSALS
from tests.e2e.town import Holder

CANARY = "canary-7f3e"
NOBODY = "5e3c4f0a-bead-4000-8000-0000000000aa"
SEND = "/v1/movements/p2p-transfer"
QUICK_S = 1.5


def body_of(alice: Holder, **other: Any) -> dict[str, Any]:
    return {
        "sender": alice.wallet,
        "recipient": str(uuid.uuid4()),
        "amount": {"value": "1", "currency": "KES"},
        "note": CANARY,
    } | other


async def post(
    alice: Holder, content: Any, path: str = SEND, **headers: str | bytes
) -> httpx.Response:
    """Send bytes as they are; `headers` replace the usual ones, underscores being dashes."""
    usual: dict[str, Any] = {
        "Authorization": f"Bearer {alice.person.token}",
        "Idempotency-Key": uuid.uuid4().hex,
        "Content-Type": "application/json",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {k: v for k, v in {**usual, **given}.items() if v is not None}
    return await alice.person.http.post(path, content=content, headers=wanted)


def is_problem(answer: httpx.Response, *statuses: int) -> str:
    """Check that it is a proper problem document that repeats nothing; answer with its code."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["code"] in {*PROBLEMS, *REFUSALS}
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
    assert len(answer.content) < 8192
    return told["code"]


def text(alice: Holder, **other: Any) -> str:
    return json.dumps(body_of(alice, **other))


async def raw_exchange(alice: Holder, text: str) -> bytes:
    """Send bytes that no client library would, and read the answer."""
    where = urlsplit(str(alice.person.http.base_url))
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(text.encode("latin-1"))
        await writer.drain()
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: ([0-9]+)", head)
            return head + (await reader.readexactly(int(length[1])) if length else b"")
    finally:
        writer.close()
