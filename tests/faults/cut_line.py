"""A line to a server that is cut between a commit and its answer, and stays down until mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class CutLine:
    """Forwards to a local port. Armed, it swallows the next answer and cuts every connection."""

    target: int
    port: int = 0
    armed: bool = False
    answers_lost: int = 0
    down: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down.is_set():
            return writer.transport.abort()
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, back))
                both.create_task(self._answer(there, writer))
        except* (ConnectionError, EOFError):
            pass
        for end in (writer, back):
            end.transport.abort()
            self._open.discard(end)
        return None

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while packet := await source.read(1 << 16):
            sink.write(packet)
            await sink.drain()
        raise EOFError

    async def _answer(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while packet := await source.read(1 << 16):
            if self.armed:
                self._cut()
            sink.write(packet)
            await sink.drain()
        raise EOFError

    def _cut(self) -> None:
        self.armed = False
        self.answers_lost += 1
        self.down.set()
        for end in self._open:
            end.transport.abort()
        raise ConnectionError


@asynccontextmanager
async def cut_line(target: int) -> AsyncIterator[CutLine]:
    line = CutLine(target)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
