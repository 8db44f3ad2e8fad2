"""Who may do what at the broker: each role of ours as little as its work takes, others by hand."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmo.messaging.broker import (
    EFFECTS,
    INVENTORY,
    READER,
    RELAY,
    STREAM,
    USERS,
    inbox_of,
    secret_file,
)
from mmo.notifications.intake import KINDS, consumer_of, subject_of
from workers.stack.launch import StackError
from workers.stack.postgres import make_password

API = "$JS.API"
OWN_CONSUMERS = (INVENTORY, *(consumer_of(kind) for kind in KINDS))
"""Consumers of ours, which no reader may change, read from or remove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUser:
    """One user: what it may publish to, and listen to. Wildcards are NATS's own."""

    name: str
    password: str = field(repr=False)
    publish: Sequence[str]
    subscribe: Sequence[str]
    refused: Sequence[str] = ()
    """What it may not publish to, although `publish` covers it."""

    def document(self) -> dict[str, Any]:
        """The user as the server's configuration has it."""
        publish = {"allow": list(self.publish), "deny": list(self.refused)}
        return {
            "user": self.name,
            "password": self.password,
            "permissions": {"publish": publish, "subscribe": {"allow": list(self.subscribe)}},
        }


def own_users(secrets: Path) -> list[BrokerUser]:
    """The users of our own, with passwords that are in, or put into, the secrets (mode 0600)."""
    secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords = {name: make_password(secret_file(secrets, name)) for name in USERS}
    return [
        BrokerUser(
            name=RELAY,
            password=passwords[RELAY],
            publish=["mmo.>", *_stream_api("INFO", "CREATE"), *_consumer_api(INVENTORY, "mmo.>")],
            subscribe=[f"{inbox_of(RELAY)}.>"],
        ),
        BrokerUser(
            name=EFFECTS,
            password=passwords[EFFECTS],
            publish=[
                allowed
                for kind in KINDS
                for allowed in _consumer_api(consumer_of(kind), subject_of(kind))
            ],
            subscribe=[f"{inbox_of(EFFECTS)}.>"],
        ),
        BrokerUser(
            name=READER,
            password=passwords[READER],
            publish=[*_stream_api("INFO", "NAMES"), *_consumer_api(">", None), "$JS.FC.>"],
            refused=[allowed for name in OWN_CONSUMERS for allowed in _whole_consumer_api(name)],
            subscribe=["mmo.>", f"{inbox_of(READER)}.>"],
        ),
    ]


def tenant_reader(tenant: str, name: str, password: str) -> BrokerUser:
    """A user who reads one tenant's events by one consumer, and sees nothing of another's.

    The server compares the filter in the request with the one in the subject, so that the subject
    is all that has to be allowed.
    """
    return BrokerUser(
        name=name,
        password=password,
        publish=_consumer_api(name, f"mmo.{tenant}.>"),
        subscribe=[f"mmo.{tenant}.>", f"{inbox_of(name)}.>"],
    )


def written_users(file: Path) -> list[dict[str, Any]]:
    """Users that the operator has written by hand, as the server's configuration has them.

    Raises StackError.
    """
    if not file.exists():
        return []
    try:
        users = json.loads(file.read_text())
        names = [str(user["user"]) for user in users]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise StackError(f"{file} is no list of users of the broker: {error!r}") from error
    taken = set(names) & set(USERS)
    if taken:
        raise StackError(f"{file} names {', '.join(sorted(taken))}, which are users of our own")
    return users


def authorization(own: Iterable[BrokerUser], written: Iterable[dict[str, Any]]) -> str:
    """The block of the configuration. Nobody is let in without a name: there is no default user."""
    users = [*(user.document() for user in own), *written]
    return f"authorization {json.dumps({'timeout': 2, 'users': users}, indent=2)}\n"


def _stream_api(*verbs: str) -> list[str]:
    named = [f"{API}.STREAM.{verb}.{STREAM}" for verb in verbs if verb != "NAMES"]
    return [*named, *(f"{API}.STREAM.{verb}" for verb in verbs if verb == "NAMES")]


def _consumer_api(name: str, subject: str | None) -> list[str]:
    """Make a consumer of that filter, look at it, read from it, and remove it."""
    made = name if subject is None else f"{name}.{subject}"
    rest = [f"{API}.CONSUMER.{verb}.{STREAM}.{name}" for verb in ("INFO", "MSG.NEXT", "DELETE")]
    ack = name if name == ">" else f"{name}.>"
    return [f"{API}.CONSUMER.CREATE.{STREAM}.{made}", *rest, f"$JS.ACK.{STREAM}.{ack}"]


def _whole_consumer_api(name: str) -> list[str]:
    bare = f"{API}.CONSUMER.CREATE.{STREAM}.{name}"
    return [bare, *_consumer_api(name, ">")]
