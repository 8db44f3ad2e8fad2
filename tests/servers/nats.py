"""NATS with JetStream for tests: one server per run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nats.js import JetStreamContext

from tests.servers.shared import shared, start_server
from workers.stack.nats import NatsServer as Embedded
from workers.stack.processes import free_port


@dataclass(frozen=True, slots=True)
class NatsServer:
    """The server of this run."""

    url: str


def start_nats(home: Path) -> tuple[int, dict[str, Any]]:
    """Start a server with its streams in `home`; answer with its pid and its address."""
    server = Embedded(folder=home / "nats", port=free_port())
    process = start_server(server.prepare(), home / "nats.log", server.ready)
    return process.pid, {"url": server.url}


@contextmanager
def nats_of(run: Path) -> Iterator[NatsServer]:
    """The one server of the run whose folder this is."""
    with shared(run, "nats", start_nats) as facts:
        yield NatsServer(**facts)


async def stored(stream: JetStreamContext, subject: str) -> list[tuple[str, dict[str, Any]]]:
    """Every message of a subject that is in the stream: subjects and contents."""
    reader = await stream.subscribe(subject, ordered_consumer=True)
    begun = await reader.consumer_info()
    delivered = begun.delivered.consumer_seq if begun.delivered else 0
    left = (begun.num_pending or 0) + delivered
    found: list[tuple[str, dict[str, Any]]] = []
    while left:
        message = await reader.next_msg(timeout=10)
        found.append((message.subject, json.loads(message.data)))
        left = message.metadata.num_pending
    await reader.unsubscribe()
    return found
