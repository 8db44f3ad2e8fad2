"""The KeyStore of every process without the HSM's PIN: it asks the process `keys`."""

import asyncio
import contextlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmo.keys.frames import FRAME_MAX, FrameError, bytes_of, packed, text_of, unpacked
from mmo.keys.ports import DataKey, KeysAwayError, NoKeyError, Purpose

ANSWER_S = 6.0
"""How long an answer may take; a little more than the token may."""
UNDER_WAY_MAX = 512
ERRORS: dict[str, type[Exception]] = {
    "away": KeysAwayError, "no_key": NoKeyError, "invalid": ValueError,
}  # fmt: skip


class SocketKeyStore:
    """One connection for the whole process; requests overtake each other on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """Sign claims as a compact ES256 token."""
        told = await self._ask("sign", tenant=tenant, purpose=purpose, claims=dict(claims))
        return str(told["token"])

    async def mac(
        self, tenant: str, purpose: Purpose, messages: Sequence[bytes], number: int | None = None
    ) -> list[bytes]:
        """HMAC-SHA-256 of each message."""
        sent = [text_of(message) for message in messages]
        told = await self._ask("mac", tenant=tenant, purpose=purpose, messages=sent, number=number)
        return [bytes_of(mac) for mac in told["macs"]]

    async def number(self, tenant: str, purpose: Purpose) -> int:
        """The number of the active key."""
        return int((await self._ask("number", tenant=tenant, purpose=purpose))["number"])

    async def data_key(self, tenant: str, purpose: str, identifier: str | None = None) -> DataKey:
        """Unwrap a data key."""
        told = await self._ask("data_key", tenant=tenant, purpose=purpose, identifier=identifier)
        return DataKey(str(told["key"]), bytes_of(told["material"]))

    async def make(self, tenant_id: int, tenant: str) -> None:
        """Make the keys that the tenant never had. Safe to repeat."""
        await self._ask("make", tenant_id=tenant_id, tenant=tenant)

    async def health(self) -> None:
        """Raise KeysAwayError where the token does not sign."""
        await self._ask("health")

    async def close(self) -> None:
        """Close the connection."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def _ask(self, op: str, **about: Any) -> dict[str, Any]:
        """Ask; once more where the connection broke, for every request may be repeated."""
        try:
            return await self._ask_once(op, about)
        except ConnectionError:
            try:
                return await self._ask_once(op, about)
            except ConnectionError as error:
                raise KeysAwayError(f"the process `keys` went away: {error}") from None

    async def _ask_once(self, op: str, about: dict[str, Any]) -> dict[str, Any]:
        if len(self._waiting) >= UNDER_WAY_MAX:
            raise KeysAwayError(f"{UNDER_WAY_MAX} requests wait for the process `keys` already")
        writer = await self._connected()
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        try:
            frame = packed({"id": number, "op": op, **about})
        except FrameError as error:
            raise ValueError(str(error)) from None
        self._waiting[number] = answer
        try:
            writer.write(frame)
            told = await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            raise KeysAwayError(f"no answer from `keys` within {ANSWER_S:.0f} s") from None
        finally:
            self._waiting.pop(number, None)
        if "error" in told:
            raise ERRORS.get(told["error"], KeysAwayError)(told["text"])
        return told

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None or self._writer.is_closing():
                try:
                    reader, self._writer = await asyncio.open_unix_connection(
                        str(self._path), limit=2 * FRAME_MAX
                    )
                except OSError as error:
                    raise KeysAwayError(
                        f"the process `keys` does not answer at {self._path}: {error.strerror}"
                    ) from None
                self._reading = asyncio.create_task(self._read(reader, self._writer))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (told := await unpacked(reader)) is not None:
                answer = self._waiting.get(told["id"])
                if answer is not None and not answer.done():
                    answer.set_result(told)
        except (FrameError, OSError):
            pass  # whoever waits is told below
        finally:
            writer.close()
            if self._writer is writer:
                self._writer = None
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ConnectionError("the connection broke"))
