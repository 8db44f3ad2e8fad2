"""An office that sends short messages, on the database with the rights of its role."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from mmo.keys.envelope import Envelope
from mmo.notifications.smpp import Centre
from tests.mmo.moving import rows
from tests.workers.reaction_request import reaction_request, sms_data, store_once
from tests.workflows.house import TENANT, House
from workers.effects_intake import Intake
from workers.sms_sender import Sender, fold_receipt
from workers.smsc import Answer, Manner, Simulator, always, plainly


@dataclass
class Post:
    """The office that sends, on the database with the rights of its role."""

    opened: House
    pool: AsyncConnectionPool[Any]
    port: int

    @property
    def envelope(self) -> Envelope:
        return Envelope(self.opened.keys)

    async def ask(
        self, text: str, *, identifier: UUID | None = None, dedupe: str | None = None,
        quiet: dict[str, str] | None = None, reference: str = "R1",
    ) -> UUID:  # fmt: skip
        """Have a message asked for, as the broker tells it."""
        data = sms_data(
            self.opened.identifier("alice"), text, quiet_hours=quiet, dedupe_key=dedupe,
            amount_minor=123450, currency="KES", reference=reference,
        )  # fmt: skip
        wanted = reaction_request("sms", data, identifier)
        await store_once(self.opened.pool, wanted)
        told = orjson.dumps(wanted.cloud_event(TENANT.slug))
        await Intake(self.pool, self.envelope).take("sms", told)
        return wanted.id

    async def state(self, identifier: UUID) -> tuple[str, str, int]:
        ((*row,),) = await rows(
            self.pool,
            "SELECT state, reason, tries FROM notifications.message WHERE id = %s",
            identifier,
        )
        return row[0], row[1], row[2]

    async def until(self, identifier: UUID, state: str) -> tuple[str, str, int]:
        for _ in range(100):
            found = await self.state(identifier)
            if found[0] == state:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"it is {found}")

    @asynccontextmanager
    async def sender(self) -> AsyncGenerator[Sender]:
        centre = Centre(
            "127.0.0.1", self.port, "mmo", "", 500,
            lambda receipt: fold_receipt(self.pool, centre.route, receipt),
        )  # fmt: skip
        yield Sender(self.pool, centre, self.envelope, self.opened.personal)
        await centre.close()


@asynccontextmanager
async def centre(
    port: int, answer: Answer = always, manner: Manner = plainly
) -> AsyncGenerator[Simulator]:
    simulator, ready = Simulator(port, answer, manner=manner), asyncio.Event()
    serving = asyncio.create_task(simulator.run(ready.set))
    async with asyncio.timeout(10):
        await ready.wait()
    try:
        yield simulator
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
