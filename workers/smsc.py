"""An SMS centre for demos and tests: it takes every message, keeps it, and sends its receipt.

`python -m workers smsc` keeps them in HOME/smsc/messages.jsonl, the newest last.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import smpp34

from mmo.notifications.gsm import Coding, joined
from mmo.notifications.smpp import UDH
from mmo.settings import Settings
from workers.ready import notify
from workers.stopping import until_told_to_stop

INCOMPLETE_MAX = 1000
DELIVERED = "DELIVRD"
RECEIPT = 0x04
"""esm_class of a delivery receipt."""
_UCS_2 = 0x08
_HEADER = 6

Answer = Callable[[smpp34.SubmitSmEvent], int | str]
"""What the centre does with a message: refuse it (a status), or what its receipt says."""


@dataclass(frozen=True, slots=True)
class CentreReceipt:
    """A receipt as the centre writes it."""

    text: bytes
    esm_class: int = RECEIPT
    tlvs: Sequence[smpp34.Tlv] = ()


Manner = Callable[[int, str], tuple[str, Sequence[CentreReceipt]]]
"""How the centre writes: number and state of a message → its id in the answer, and receipts."""


def plainly(number: int, state: str) -> tuple[str, Sequence[CentreReceipt]]:
    """Write the id in the receipt as in the answer, in decimal."""
    centre_id = f"{datetime.now(UTC):%y%m%d%H%M%S}{number:06}"
    told = f"id:{centre_id} sub:001 dlvrd:001 stat:{state} err:000"
    return centre_id, [CentreReceipt(told.encode())]


def always(_: smpp34.SubmitSmEvent) -> str:
    """Deliver every message."""
    return DELIVERED


class Simulator:
    """The centre. `messages` are those that arrived whole, as a phone shows them."""

    def __init__(
        self,
        port: int,
        answer: Answer = always,
        file: Path | None = None,
        manner: Manner = plainly,
    ) -> None:
        self._server = smpp34.Server("127.0.0.1", port, system_id="mmo-smsc")
        self._answer = answer
        self._file = file
        self._manner = manner
        self._sessions: dict[str, smpp34.Esme] = {}
        self._parts: OrderedDict[tuple[str, str, int], dict[int, bytes]] = OrderedDict()
        self._number = 0
        self.messages: list[dict[str, Any]] = []
        self.submitted = 0

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled. The receipt follows each message."""
        await self._server.start()
        ready()
        try:
            while True:
                event = await self._server.next()
                if isinstance(event, smpp34.Esme):
                    self._sessions[event.session_id] = event
                elif isinstance(event, smpp34.Unbound):
                    self._sessions.pop(event.session_id, None)
                else:
                    await self._take(event)
        finally:
            await self._server.stop()

    async def _take(self, event: smpp34.SubmitSmEvent) -> None:
        self.submitted += 1
        said = self._answer(event)
        if isinstance(said, int):
            event.reject(said)
            return
        self._number += 1
        centre_id, receipts = self._manner(self._number, said)
        event.accept(centre_id)
        self._keep(event)
        session = self._sessions.get(event.session_id)
        if session is not None and event.registered_delivery:
            for receipt in receipts:
                await session.deliver_sm(
                    event.source_addr, receipt.text, source_addr=event.destination_addr,
                    esm_class=receipt.esm_class, tlvs=list(receipt.tlvs),
                )  # fmt: skip

    def _keep(self, event: smpp34.SubmitSmEvent) -> None:
        coding: Coding = "ucs-2" if event.data_coding == _UCS_2 else "gsm-7"
        parts = self._whole(event)
        if parts is None:
            return
        message = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "to": f"+{event.destination_addr}",
            "from": event.source_addr,
            "text": joined(coding, parts),
            "parts": len(parts),
            "coding": coding,
        }
        self.messages.append(message)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(message, ensure_ascii=False) + "\n")

    def _whole(self, event: smpp34.SubmitSmEvent) -> list[bytes] | None:
        """The parts of the message that this one completes; None while some are missing."""
        body = event.short_message
        if not event.esm_class & UDH:
            return [body]
        reference, total, number = body[3], body[4], body[5]
        key = (event.source_addr, event.destination_addr, reference)
        found = self._parts.setdefault(key, {})
        found[number] = body[_HEADER:]
        if len(self._parts) > INCOMPLETE_MAX:
            self._parts.popitem(last=False)
        if len(found) < total:
            return None
        del self._parts[key]
        return [found[index] for index in sorted(found)]


def messages_file(home: Path) -> Path:
    """Where the centre of a stack keeps what it was sent."""
    return home / "smsc" / "messages.jsonl"


def main(_: Sequence[str]) -> None:
    """Be the centre of a stack until told to stop."""
    settings = Settings()
    file = messages_file(settings.home)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    simulator = Simulator(settings.smsc_port, file=file)

    async def serve(stop: asyncio.Event) -> None:
        serving = asyncio.create_task(simulator.run(lambda: notify(settings)))
        await stop.wait()
        serving.cancel()

    asyncio.run(until_told_to_stop(serve))
