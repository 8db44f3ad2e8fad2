"""One POST to one address: bounded in time and in what is read, and without following anybody."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import h11

from mmo.notifications.addresses import Target

WITHIN_S = 10.0
READ_MAX, KEPT_MAX = 16 * 1024, 1024
_CHUNK = 4096


class PostFailedError(Exception):
    """There was no answer that could be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and the beginning of the body. `retry_after`: that header, where there is one."""

    status: int
    body: str
    retry_after: str = ""

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more, ever."""
        return self.status == HTTPStatus.GONE

    @property
    def taken(self) -> bool:
        """Whether the receiver has it. A redirect is no yes: it is not followed."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers


async def post(
    target: Target,
    address: str,
    headers: Mapping[str, str],
    body: bytes,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """Send a JSON body to that very address. Raises PostFailedError.

    The certificate is that of the host's name, whatever the address.
    """
    tls = (context or ssl.create_default_context()) if target.tls else None
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(
                address, target.port, ssl=tls, server_hostname=target.host if tls else None
            )
            try:
                return await _exchange(reader, writer, target, headers, body)
            finally:
                writer.close()
                with contextlib.suppress(OSError, ssl.SSLError):
                    writer.transport.abort()
    except (OSError, TimeoutError, ssl.SSLError, h11.ProtocolError) as error:
        why = f"no answer within {WITHIN_S:.0f} s" if isinstance(error, TimeoutError) else error
        raise PostFailedError(f"{type(error).__name__}: {why}"[:KEPT_MAX]) from error


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=READ_MAX)
    request = h11.Request(
        method="POST",
        target=target.path,
        headers=[
            ("Host", target.authority),
            ("User-Agent", "mmo-webhooks/1"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *headers.items(),
        ],
    )
    for event in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
    status, kept, read, retry_after = 0, b"", 0, ""
    while read < READ_MAX:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            read += len(data)
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            retry_after = _header(event, b"retry-after")
        elif isinstance(event, h11.Data):
            kept += event.data[: KEPT_MAX - len(kept)]
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    if not status:
        raise PostFailedError("the connection ended without an answer")
    return Answer(status, kept.decode(errors="replace").replace("\x00", ""), retry_after)


def _header(response: h11.Response, name: bytes) -> str:
    """A header's first value; empty where there is none."""
    found = (value for known, value in response.headers if known == name)
    return next(found, b"").decode("latin-1")
