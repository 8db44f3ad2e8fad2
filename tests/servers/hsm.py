"""Signing from where nothing can be awaited, by the process `keys` of a test's operator."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mmo.keys.ports import KeyStore, Purpose
from mmo.keys.socket import SocketKeyStore
from mmo.settings import Settings
from workers.wiring import key_store

Result = TypeVar("Result")
ANSWER_S = 15


def waited(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run it on a loop and thread of its own, whether or not a loop runs here."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()


def hsm_environment(home: Path) -> dict[str, str]:
    """Where the token and the process `keys` of the home are, for a process of another home."""
    return {
        "MMO_KEYS_SOCKET": str(home / "run" / "keys.sock"),
        "MMO_HSM_DIRECTORY": str(home / "hsm"),
        "MMO_HSM_PIN_FILE": str(home / "secrets" / "hsm.pin"),
    }


class Signer:
    """Asks the process `keys`, on a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: SocketKeyStore) -> None:
        self._loop = loop
        self._store = store

    def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        asked = self._store.sign(tenant, purpose, claims)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(ANSWER_S)


@contextmanager
def signer_of(home: Path) -> Iterator[Signer]:
    """A signer for as long as it is needed."""
    loop, store = asyncio.new_event_loop(), SocketKeyStore(home / "run" / "keys.sock")
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield Signer(loop, store)
    finally:
        asyncio.run_coroutine_threadsafe(store.close(), loop).result(ANSWER_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@asynccontextmanager
async def keys_of(settings: Settings) -> AsyncGenerator[KeyStore]:
    """The keys as any process uses them; a line to the process `keys` is closed afterwards."""
    keys = key_store(settings)
    try:
        yield keys
    finally:
        if isinstance(keys, SocketKeyStore):
            await keys.close()
