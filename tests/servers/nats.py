"""NATS with JetStream for tests: one server per run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from mmo.messaging.broker import RELAY, BrokerLogin, secret_file
from tests.servers.shared import shared, start_server
from workers.stack.nats import NatsServer as Embedded
from workers.stack.processes import free_port

ADMINISTRATOR = "administrator"
"""A user that may do everything, for tests that look or spoil; written by an operator's hand."""
EVERYTHING = {
    "user": ADMINISTRATOR,
    "password": "test",
    "permissions": {"publish": ">", "subscribe": ">"},
}


@dataclass(frozen=True, slots=True)
class NatsServer:
    """A server, and where the passwords of its users lie."""

    url: str
    secrets: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a process that uses this broker."""
        return {"nats_url": self.url, "nats_secrets_directory": self.secrets}

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        return {f"MMO_{name.upper()}": str(value) for name, value in self.settings.items()}

    def login(self, user: str = RELAY) -> BrokerLogin:
        """How a user of our own signs in."""
        return BrokerLogin(url=self.url, user=user, password_file=secret_file(self.secrets, user))

    async def administrator(self) -> Client:
        """A connection that may do everything."""
        return await nats.connect(
            self.url, user=ADMINISTRATOR, password="test", allow_reconnect=False
        )


def embedded_nats(home: Path, *more: dict[str, Any]) -> Embedded:
    """A server with its streams in `home`, and users beside those of our own."""
    users = home / "users.json"
    users.write_text(json.dumps([EVERYTHING, *more]))
    return Embedded(
        folder=home / "nats", port=free_port(), secrets=home / "secrets", users_file=users
    )


def start_nats(home: Path) -> tuple[int, dict[str, Any]]:
    """Start a server with its streams in `home`; answer with its pid and its address."""
    server = embedded_nats(home)
    process = start_server(server.prepare(), home / "nats.log", server.ready)
    return process.pid, {"url": server.url, "secrets": str(home / "secrets")}


@contextmanager
def nats_of(run: Path) -> Iterator[NatsServer]:
    """The one server of the run whose folder this is."""
    with shared(run, "nats", start_nats) as facts:
        yield NatsServer(facts["url"], Path(facts["secrets"]))


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
