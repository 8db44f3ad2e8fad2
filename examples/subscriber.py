"""Tell what moves: a durable subscriber of one tenant's movements, typed from end to end.

    export MMO_NATS_URL=$(uv run mmo status --json | jq -r .urls.nats)
    uv run python examples/subscriber.py

It signs in as the broker's user `reader`, whose password is in MMO_HOME/secrets.

It goes on where it stopped. A message may come again after a crash, so it is known by its id.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.security import NatsUserPassword
from nats.js.api import ConsumerConfig

from mmo.messaging.broker import READER, STREAM, BrokerLogin, login_of
from mmo.messaging.cloud_event import CloudEvent
from mmo.movements.support.published import MovementEvent
from mmo.settings import Settings

BATCH_MAX = 50
"""Messages that one pull asks for."""
SEEN_MAX = 10_000
"""Ids that are remembered: many more than can be under way at once."""
TRIES_MAX = 20
"""How often a message that the handler cannot take is offered again."""


class Seen:
    """The newest ids, so that a message that comes again is dropped."""

    def __init__(self) -> None:
        self._ids: OrderedDict[UUID, None] = OrderedDict()

    def first_time(self, identifier: UUID) -> bool:
        """Whether it was not seen before; it is from now on."""
        new = identifier not in self._ids
        self._ids[identifier] = None
        if len(self._ids) > SEEN_MAX:
            self._ids.popitem(last=False)
        return new


def subscriber(
    login: BrokerLogin,
    tenant: str,
    durable: str,
    tell: Callable[[CloudEvent[MovementEvent]], None],
) -> FastStream:
    """An application that tells every movement event of a tenant once, the oldest first."""
    broker = NatsBroker(
        login.url,
        security=NatsUserPassword(
            login.user,
            login.password,
            ssl_context=login.tls(),
            tls_handshake_first=login.tls() is not None,
        ),
        inbox_prefix=login.inbox,
        logger=None,
    )
    seen = Seen()

    @broker.subscriber(
        f"mmo.{tenant}.movements.>",
        stream=JStream(STREAM, declare=False),
        durable=durable,
        inbox_prefix=f"{login.inbox}.".encode(),
        pull_sub=PullSub(batch_size=BATCH_MAX, timeout=1.0),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        config=ConsumerConfig(max_deliver=TRIES_MAX),
    )
    async def moved(event: CloudEvent[MovementEvent]) -> None:
        if seen.first_time(event.id):
            tell(event)

    return FastStream(broker, logger=None)


def line(event: CloudEvent[MovementEvent]) -> str:
    """One event as a line for people."""
    told = event.data
    amount = f"{told.amount.currency} {told.amount.value}"
    why = f" ({told.refusal})" if told.refusal else ""
    return f"{event.time:%H:%M:%S} {told.type} {amount}: {told.state}{why}  {told.movement}"


if __name__ == "__main__":
    reader = login_of(Settings(), READER)
    of_tenant = os.environ.get("MMO_TENANT", "demo")
    asyncio.run(subscriber(reader, of_tenant, "example", lambda event: print(line(event))).run())
