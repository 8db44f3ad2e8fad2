"""A request has so many bytes and seconds to arrive, and what takes more harms nobody else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from workers import http_connection
from workers.http import bound, http
from workers.http_connection import ARRIVING_MAX, HEAD_MAX, BoundedConnection

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Served:
    host: str
    port: int

    async def open(self, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def answers(self) -> bool:
        """Whether an honest caller gets an answer, and soon."""
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.post(f"http://{self.host}:{self.port}/", content=b"x" * 50_000)
        return answer.text == "50000"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body, at `/at-once` before it has come."""
    if scope["type"] != "http":
        return
    length, more = 0, scope["path"] != "/at-once"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    text = str(length).encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    listening, stop = bound("127.0.0.1", 0), asyncio.Event()
    ready = asyncio.Event()
    serving = asyncio.create_task(http(application, listening, stop, ready.set))
    await ready.wait()
    host, port = listening.getsockname()
    yield Served(host, port)
    stop.set()
    await serving


async def sent_until_refused(writer: asyncio.StreamWriter, piece: bytes, most: int) -> int:
    """Send the piece again and again; answer with how many bytes were taken."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < most and not writer.is_closing():
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
            await asyncio.sleep(0)
    return sent


ENDLESS = {
    "a header's value": (b"GET / HTTP/1.1\r\nHost: ", b"x" * 4096),
    "a header's name": (b"GET / HTTP/1.1\r\n", b"x" * 4096),
    "headers": (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n" * 512),
    "an address": (b"GET /", b"x" * 4096),
    "a trailer": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: ",
        b"x" * 4096,
    ),
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        b"X-A: b\r\n" * 512,
    ),
    "a chunk's extension": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"x" * 4096,
    ),
    "empty lines": (b"", b"\r\n" * 2048),
}


@pytest.mark.parametrize(("begun", "piece"), ENDLESS.values(), ids=ENDLESS)
@pytest.mark.case("H12")
async def test_a_head_or_trailer_without_end_is_hung_up_on(
    served: Served, begun: bytes, piece: bytes
) -> None:
    reader, writer = await served.open(begun)

    sent = await sent_until_refused(writer, piece, 32 * 1024 * 1024)

    assert sent < 16 * 1024 * 1024, "what the sockets take before the server's hanging up is seen"
    with contextlib.suppress(ConnectionError):
        assert (await reader.read()).split(b" ")[1:2] in ([b"431"], [b"400"], [])
    writer.close()
    assert await served.answers()


async def test_a_connection_keeps_no_more_of_a_head_than_its_bound(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    read = BoundedConnection.data_received

    def counted(self: BoundedConnection, data: bytes) -> None:
        before = self.transport.is_closing()
        read(self, data)
        if not before:
            parsed.append(len(data))

    monkeypatch.setattr(BoundedConnection, "data_received", counted)
    _reader, writer = await served.open(b"GET / HTTP/1.1\r\nHost: ")
    while not writer.is_closing() and len(parsed) < 100:
        with contextlib.suppress(ConnectionError):
            writer.write(b"x" * 1024)
            await writer.drain()
        await asyncio.sleep(0.005)
        if sum(parsed) > HEAD_MAX:
            break
    await asyncio.sleep(0.1)
    writer.close()

    assert 0 < sum(parsed) <= HEAD_MAX + 8 * 1024


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:", b"\r\n", POST + b"ab"], ids=str)
@pytest.mark.case("H12")
async def test_what_does_not_arrive_in_its_time_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http_connection, "HEAD_S", 0.3)
    monkeypatch.setattr(http_connection, "BODY_S", 0.3)
    begun = time.monotonic()
    reader, writer = await served.open(sent)

    answer = await asyncio.wait_for(reader.read(), 5)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 2
    writer.close()


async def test_a_head_that_drips_is_ended_though_bytes_come(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "HEAD_S", 0.5)
    _reader, writer = await served.open(b"GET / HTTP/1.1\r\nX-A: ")
    begun = time.monotonic()

    with contextlib.suppress(ConnectionError):
        while time.monotonic() - begun < 5 and not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)
    writer.close()

    assert time.monotonic() - begun < 3


async def test_a_body_that_comes_steadily_may_take_longer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "BODY_S", 0.3)
    monkeypatch.setattr(http_connection, "BODY_BYTES_PER_S", 100)
    reader, writer = await served.open(POST)

    for _ in range(10):
        writer.write(b"x" * 5)
        await asyncio.sleep(0.05)

    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert await reader.readexactly(2) == b"50"
    writer.close()


def still_open(lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> int:
    """On how many lines the server has neither said anything nor hung up."""
    return sum(not (reader.at_eof() or reader._buffer) for reader, _ in lines)  # type: ignore[attr-defined]  # noqa: SLF001


@pytest.mark.case("H12")
async def test_three_thousand_half_sent_bodies_do_not_stay_open(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "BODY_S", 4.0)
    halves = [await served.open(POST + b"ab") for _ in range(3000)]
    try:
        await asyncio.sleep(0.2)

        assert still_open(halves) <= ARRIVING_MAX
        assert await served.answers()
        await asyncio.sleep(4.5)
        assert still_open(halves) == 0
        assert not BoundedConnection.arriving
    finally:
        for _, writer in halves:
            writer.close()


async def test_the_rest_of_a_body_that_was_answered_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "LINGER_S", 0.2)
    reader, writer = await served.open(POST.replace(b"/ ", b"/at-once "))

    answer = await asyncio.wait_for(reader.read(), 3)

    assert answer.startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_requests_sent_far_ahead_are_hung_up_on(served: Served) -> None:
    one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    reader, writer = await served.open(one * 1000)

    answered = (await asyncio.wait_for(reader.read(), 5)).count(b"HTTP/1.1 200")

    assert answered <= http_connection.PIPELINE_MAX + 1
    writer.close()
    assert await served.answers()


async def test_a_connection_too_many_is_told_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "CONNECTIONS_MAX", 3)
    open_ = [await served.open(b"") for _ in range(3)]
    reader, writer = await served.open(b"")

    assert (await asyncio.wait_for(reader.read(), 3)).startswith(b"HTTP/1.1 503 ")

    for one in (writer, *(w for _, w in open_)):
        one.close()
    await asyncio.sleep(0.1)
    assert await served.answers()
