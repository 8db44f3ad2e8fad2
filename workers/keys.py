"""Role keys: the one process beside the authorization server that has the HSM's PIN.

It signs, authenticates and unwraps for the processes of the same user, over a Unix socket.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from os import geteuid
from typing import Any

import structlog

from mmo.keys.frames import FRAME_MAX, FrameError, bytes_of, packed, text_of, unpacked
from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import PLATFORM, PLATFORM_ID, KeysAwayError, NoKeyError, Purpose
from mmo.settings import Settings
from workers.onboarding import onboard
from workers.ready import notify
from workers.wiring import hsm_store, open_pool

UNDER_WAY_MAX = 256
"""Requests of one connection that are under way; the next one is not read before."""
CONNECTIONS_MAX = 64
_CREDENTIALS = struct.Struct("3i")

_log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    async with open_pool(settings, checked=True) as pool, hsm_store(settings, pool) as store:
        await store.make(PLATFORM_ID, PLATFORM)  # Temporal asks for its public half when it starts
        service = KeyService(store)
        path = settings.keys_at
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            listening.bind(str(path))
        except OSError as error:
            raise SystemExit(f"mmo: cannot listen on {path}: {error.strerror or error}") from None
        path.chmod(0o600)  # before anybody can connect: nothing listens yet
        server = await asyncio.start_unix_server(service.serve, sock=listening, limit=2 * FRAME_MAX)
        opening = asyncio.create_task(onboard(settings, store.make, stop))
        async with server:
            notify(settings)
            await stop.wait()
            service.hang_up()
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening
        path.unlink(missing_ok=True)


class KeyService:
    """Answers one connection after the other, and many requests of each at once."""

    def __init__(self, store: Pkcs11KeyStore) -> None:
        self._store = store
        self._writers: set[asyncio.StreamWriter] = set()
        self._ops: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "sign": self._sign, "mac": self._mac, "number": self._number,
            "data_key": self._data_key, "make": self._make, "health": self._health,
        }  # fmt: skip

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        if not _is_ours(writer) or len(self._writers) >= CONNECTIONS_MAX:
            _log.warning("keys.peer_refused")
            writer.close()
            return
        self._writers.add(writer)
        slots = asyncio.Semaphore(UNDER_WAY_MAX)
        try:
            async with asyncio.TaskGroup() as tasks:
                while (asked := await unpacked(reader)) is not None:
                    await slots.acquire()
                    task = tasks.create_task(self._answer(asked, writer))
                    task.add_done_callback(lambda _: slots.release())
        except (FrameError, OSError) as error:
            _log.warning("keys.connection_ended", error=str(error))
        finally:
            self._writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Close every connection: who asked connects anew to the next process."""
        for writer in list(self._writers):
            writer.close()

    async def _answer(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        try:
            told = await self._ops[asked["op"]](asked)
        except KeysAwayError as error:
            told = {"error": "away", "text": str(error)}
        except NoKeyError as error:
            told = {"error": "no_key", "text": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            told = {"error": "invalid", "text": f"no such request: {type(error).__name__}"}
        except Exception as error:  # noqa: BLE001 - one request's fault ends no other's
            _log.exception("keys.fault")
            told = {"error": "away", "text": type(error).__name__}
        with contextlib.suppress(OSError):
            writer.write(packed({"id": asked.get("id", 0), **told}))
            await writer.drain()

    async def _sign(self, asked: dict[str, Any]) -> dict[str, Any]:
        purpose = Purpose(asked["purpose"])
        return {"token": await self._store.sign(asked["tenant"], purpose, asked["claims"])}

    async def _mac(self, asked: dict[str, Any]) -> dict[str, Any]:
        messages = [bytes_of(message) for message in asked["messages"]]
        macs = await self._store.mac(
            asked["tenant"], Purpose(asked["purpose"]), messages, asked.get("number")
        )
        return {"macs": [text_of(mac) for mac in macs]}

    async def _number(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"number": await self._store.number(asked["tenant"], Purpose(asked["purpose"]))}

    async def _data_key(self, asked: dict[str, Any]) -> dict[str, Any]:
        key = await self._store.data_key(asked["tenant"], asked["purpose"], asked.get("identifier"))
        return {"key": key.id, "material": text_of(key.material)}

    async def _make(self, asked: dict[str, Any]) -> dict[str, Any]:
        await self._store.make(int(asked["tenant_id"]), asked["tenant"])
        return {}

    async def _health(self, _: dict[str, Any]) -> dict[str, Any]:
        await self._store.health()
        return {}


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer is a process of our own user, as the kernel says."""
    raw = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    _, user, _ = _CREDENTIALS.unpack(raw)
    return user == geteuid()
