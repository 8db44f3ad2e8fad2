"""One POST: bounded in time and in what is read, to exactly the address that was looked at."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mmo.notifications import posting
from mmo.notifications.addresses import Target
from mmo.notifications.posting import Answer, PostFailedError, post

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: bytes, *, then: Serve | None = None) -> AsyncGenerator[Target]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if then is not None:
            await then(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        # No resolver knows the name: whoever connects does so to the address that is given.
        yield Target(tls=False, host="nobody.invalid", port=port, path="/hook")


async def sent(target: Target) -> Answer:
    return await post(target, "127.0.0.1", {"webhook-id": "1"}, b"{}")


async def test_what_the_receiver_says_is_kept_in_part() -> None:
    body = b"x" * 5000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    async with serving(head + body) as target:
        answer = await sent(target)

    assert answer.taken
    assert answer.body == "x" * 1024


@pytest.mark.case("J4")
async def test_a_redirect_is_no_yes() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with serving(head) as target:
        answer = await sent(target)

    assert answer.status == 302
    assert not answer.taken


@pytest.mark.case("J5")
@pytest.mark.case("J6")
async def test_no_more_is_read_than_sixteen_kibibytes() -> None:
    written = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        try:
            while written < 200_000_000:
                writer.write(b"y" * 65536)
                written += 65536
                await writer.drain()
        except ConnectionError:
            return

    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 200000000\r\n\r\n"
    async with serving(head, then=endless) as target:
        answer = await sent(target)

    assert answer.taken
    assert len(answer.body) <= 1024
    assert written < 20_000_000


@pytest.mark.case("J5")
async def test_a_receiver_that_says_nothing_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "WITHIN_S", 0.2)

    async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    async with serving(b"", then=silent) as target:
        with pytest.raises(PostFailedError, match="no answer within"):
            await sent(target)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"z" * 20000]
)
async def test_what_is_no_answer_is_a_failure(answer: bytes) -> None:
    async with serving(answer) as target:
        with pytest.raises(PostFailedError):
            await sent(target)
