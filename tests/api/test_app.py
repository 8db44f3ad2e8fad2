"""The application without its surroundings: what it answers when they are away."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from api.app import create_routes
from api.guard import Guard, strict_loads
from api.problems import PROBLEMS, Problem
from mmo.kernel.refusals import REFUSALS
from mmo.keys.ports import KeysAwayError, NoKeyError
from workers.stack.processes import free_port

CANARY = "canary-7f3e"


@pytest.fixture
async def without_a_database() -> AsyncGenerator[FastAPI]:
    app = create_routes()
    away = AsyncConnectionPool[Any](
        f"host=127.0.0.1 port={free_port()} connect_timeout=1", min_size=1, open=False
    )
    await away.open(wait=False)
    app.state.pool = away
    yield app
    await away.close()


def client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://tests")


async def test_without_its_database_it_lives_and_is_not_ready(without_a_database: FastAPI) -> None:
    async with client(Guard(without_a_database)) as asking:
        lives, ready = await asking.get("/healthz"), await asking.get("/readyz")

    assert lives.status_code == 200
    assert (ready.status_code, ready.json()["code"]) == (503, "unavailable")
    assert ready.headers["Retry-After"] == "2"


async def test_an_unforeseen_error_is_a_problem_that_tells_nothing() -> None:
    app = create_routes()

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError(CANARY)

    with structlog.testing.capture_logs() as logged:
        async with client(Guard(app)) as asking:
            answer = await asking.get("/broken")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == Problem("internal").document()
    assert CANARY not in answer.text
    assert [entry["event"] for entry in logged] == ["api.error"]


async def test_an_answer_that_broke_after_it_began_is_not_begun_twice() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(CANARY)

    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    with structlog.testing.capture_logs():
        await Guard(app)(scope, _never, send)

    assert sent == ["http.response.start"]


async def _never() -> Any:
    raise AssertionError("nobody reads")


def test_every_code_is_published_once_with_a_sentence() -> None:
    assert not PROBLEMS.keys() & REFUSALS.keys()
    for code, (status, sentence) in PROBLEMS.items():
        assert code == code.lower()
        assert 400 <= status < 600
        assert sentence.endswith(".")
    for sentence in REFUSALS.values():
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("error", "code", "again"),
    [(KeysAwayError("the token is away"), "unavailable", "2"), (NoKeyError("off"), "no_key", None)],
)
@pytest.mark.case("L2")
async def test_what_needs_a_key_that_is_away_says_to_try_again_and_what_is_gone_does_not(
    error: Exception, code: str, again: str | None
) -> None:
    """L2. Nothing of the token's words is told."""
    app = create_routes()

    @app.get("/signs")
    async def signs() -> None:
        raise error

    async with client(Guard(app)) as asking:
        answer = await asking.get("/signs")
    assert (answer.status_code, answer.json()) == (503, Problem(code).document())
    assert answer.headers.get("Retry-After") == again


def test_a_name_in_the_contract_does_not_hang_on_where_its_class_lives() -> None:
    schemas = create_routes().openapi()["components"]["schemas"]

    assert [name for name in schemas if "__" in name] == []


def test_whoever_needs_a_token_is_told_beforehand_of_being_refused() -> None:
    routes = create_routes().openapi()["paths"]

    told = {
        f"{method} {path}": {"401", "403", "404", "503"} - set(operation["responses"])
        for path, operations in routes.items()
        for method, operation in operations.items()
        if operation.get("security")
    }

    assert len(told) > 150
    assert {route: missing for route, missing in told.items() if missing} == {}


async def test_a_body_is_not_read_before_it_is_known_who_sends_it() -> None:
    async def application(*_: Any) -> None:
        raise AssertionError("nobody is let in")

    async def unknown(_: str) -> object:
        raise Problem("invalid_token")

    async def read() -> Any:
        raise AssertionError("the body was read")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    for length in ((b"content-length", b"5"), (b"transfer-encoding", b"chunked")):
        for token in ((), ((b"authorization", b"Bearer forged"),), ((b"authorization", b"x"),)):
            headers = [(b"content-type", b"application/json"), length, *token]
            scope = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
            await Guard(application, unknown)({**scope, "headers": headers}, read, send)

    assert [message["status"] for message in sent if "status" in message] == [401] * 6


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":"]"}', None),
        ('["' + "]" * 500 + '"]', None),
        ("[" * 32 + "]" * 32, None),
        ('["[' + "[" * 500 + '"]', None),
        ('{"' + "[" * 500 + '": 1}', None),
        ("[" * 33 + "]" * 33, "too_deep"),
        ('["]' + '",["]' * 400 + '"' + "]" * 401, "too_deep"),
        ('{"]":' * 400 + "1" + "}" * 400, "too_deep"),
        ('["]' + '",["]' * 12_000, "too_deep"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_the_depth_of_what_is_read_counts_and_not_the_brackets_of_its_texts(text, code) -> None:
    if code is None:
        strict_loads(text.encode())
        return
    with pytest.raises(Problem) as refused:
        strict_loads(text.encode())
    assert refused.value.code == code
