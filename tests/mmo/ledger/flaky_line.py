"""A line to a server that breaks: now before the request arrives, now before the answer does."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FlakyLine:
    """Forwards to a local port; a share of `breaking` of the packets is a connection's last."""

    target: int
    breaking: float = 0.0
    lost_requests: int = 0
    lost_answers: int = 0
    port: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(11))

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, back, answers=False))
                both.create_task(self._forward(there, writer, answers=True))
        except* (ConnectionError, EOFError):
            pass
        for end in (writer, back):
            end.transport.abort()

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while packet := await source.read(1 << 16):
            if self._random.random() < self.breaking:
                self.lost_answers += answers
                self.lost_requests += not answers
                raise ConnectionError
            sink.write(packet)
            await sink.drain()
        raise EOFError


@asynccontextmanager
async def flaky_line(target: int) -> AsyncIterator[FlakyLine]:
    line = FlakyLine(target)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
