"""The SMS centre over SMPP 3.4: one session, bound when it is needed, and anew after a fault."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import smpp34

from mmo.notifications.gsm import Coding, cut
from mmo.notifications.receipts import (
    MESSAGE_STATE,
    PAYLOAD,
    RECEIPTED_ID,
    Delivery,
    Receipt,
    receipt_of,
)

CONNECT_MS, SUBMIT_S, WINDOW = 5_000, 15.0, 20
RECEIPTS_MAX = 100
"""Receipts that are looked after at the same time."""
UDH = 0x40
"""esm_class: a message with a header of its own."""
_DATA_CODING: dict[Coding, int] = {"gsm-7": 0x00, "ucs-2": 0x08}
_INTERNATIONAL, _ALPHANUMERIC, _ISDN = 1, 5, 1
THROTTLED, QUEUE_FULL, SYSTEM_ERROR = 0x58, 0x14, 0x08
_TEMPORARY = {THROTTLED, QUEUE_FULL, SYSTEM_ERROR}


class CentreAwayError(Exception):
    """The centre does not answer, or has too much to do: try again later."""


class CentreRefusesError(Exception):
    """The centre does not take the message, and will not."""


OnReceipt = Callable[[Receipt], Awaitable[None]]
"""Called with each receipt, side by side."""


class Centre:
    """One session with the centre, at most so many parts a second."""

    def __init__(
        self, host: str, port: int, system_id: str, password: str, rate: int, on_receipt: OnReceipt
    ) -> None:
        self._where = (host, port, system_id, password)
        self._every_s = 1.0 / rate
        self._on_receipt = on_receipt
        self._client: smpp34.Client | None = None
        self._session: smpp34.Smsc | None = None
        self._listening: asyncio.Task[None] | None = None
        self._free_at = 0.0
        self._reference = 0

    @property
    def route(self) -> str:
        """The centre and our name there: receipts of one route are of no other's messages."""
        host, port, system_id, _ = self._where
        return f"{system_id}@{host}:{port}"

    async def send(self, number: str, text: str, sender: str) -> list[str]:
        """Hand a message over, part by part; answers with the centre's id of each.

        Raises CentreAwayError, CentreRefusesError and gsm.TooLongError.
        """
        made = cut(text)
        self._reference = (self._reference + 1) % 256
        ids: list[str] = []
        for index, part in enumerate(made.parts):
            header = bytes((5, 0, 3, self._reference, len(made.parts), index + 1))
            many = len(made.parts) > 1
            ids.append(
                await self._submit(
                    number, header + part if many else part, sender, made.coding, many=many
                )
            )
        return ids

    async def close(self) -> None:
        """Unbind; the next message binds anew."""
        client, listening = self._client, self._listening
        self._client = self._session = self._listening = None
        if listening is not None:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
        if client is not None:
            with contextlib.suppress(smpp34.SmppError, OSError, TimeoutError, RuntimeError):
                await client.stop()

    async def _submit(
        self, number: str, body: bytes, sender: str, coding: Coding, *, many: bool
    ) -> str:
        await self._turn()
        try:
            session = await self._bound()
            async with asyncio.timeout(SUBMIT_S):
                answer = await session.submit_sm(
                    number.lstrip("+"),
                    body,
                    source_addr=sender,
                    source_addr_ton=_ALPHANUMERIC,
                    dest_addr_ton=_INTERNATIONAL,
                    dest_addr_npi=_ISDN,
                    esm_class=UDH if many else 0,
                    registered_delivery=1,
                    data_coding=_DATA_CODING[coding],
                )
        except (smpp34.SmppError, OSError, TimeoutError, RuntimeError) as error:
            await self.close()
            raise CentreAwayError(f"{type(error).__name__}: {error}") from error
        if answer.command_status in _TEMPORARY:
            raise CentreAwayError(f"the centre says {answer.command_status:#010x}")
        if not answer.is_success or not answer.message_id:
            raise CentreRefusesError(f"the centre says {answer.command_status:#010x}")
        return answer.message_id

    async def _turn(self) -> None:
        """Wait until the rate allows one more."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + self._every_s
        await asyncio.sleep(self._free_at - self._every_s - now)

    async def _bound(self) -> smpp34.Smsc:
        if self._session is None:
            host, port, system_id, password = self._where
            self._client = smpp34.Client(
                host, port, system_id, password, bind_type="TRX", window_size=WINDOW,
                connect_timeout_ms=CONNECT_MS,
            )  # fmt: skip
            self._session = await self._client.connect()
            self._listening = asyncio.create_task(self._listen(self._session))
        return self._session

    async def _listen(self, session: smpp34.Smsc) -> None:
        """Pass receipts on, side by side: one that nobody knows yet holds up no other."""
        slots = asyncio.Semaphore(RECEIPTS_MAX)
        async with asyncio.TaskGroup() as tasks:
            while not isinstance(event := await session.next(), smpp34.Disconnected):
                receipt = receipt_of(_delivery(event))
                if receipt is not None:
                    await slots.acquire()
                    task = tasks.create_task(self._pass_on(receipt))
                    task.add_done_callback(lambda _: slots.release())
            if self._session is session:
                self._session = None

    async def _pass_on(self, receipt: Receipt) -> None:
        await self._on_receipt(receipt)


def _delivery(event: smpp34.DeliverSmEvent) -> Delivery:
    """A message of the centre, with the parameters that receipts have."""
    found = {tlv.tag: tlv for tlv in event.tlvs}
    identifier = found.get(RECEIPTED_ID)
    state = found.get(MESSAGE_STATE)
    payload = found.get(PAYLOAD)
    return Delivery(
        esm_class=event.esm_class,
        data_coding=event.data_coding,
        text=event.short_message or (payload.value if payload else b""),
        source=event.source_addr,
        destination=event.destination_addr,
        receipted_id=identifier.value if identifier else None,
        message_state=state.value[0] if state and state.value else None,
    )
