"""A program that hears webhooks, on a port of its own."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """The program. It answers with what `status` and `headers` say at the time."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The id of each message that came."""
        return [headers["webhook-id"] for headers, _ in self.heard]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        named = dict(line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in named.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append((headers, body))
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        answer = f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\nLocation: /x\r\n{more}\r\nok"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver(
    status: int = 200, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[Receiver]:
    """Serve while the block runs."""
    made = Receiver(status, headers or {})
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
