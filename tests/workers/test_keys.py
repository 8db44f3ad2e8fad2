"""The process `keys`: answers its own user's processes over a socket, and nobody else."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from mmo.keys.frames import FRAME_MAX, packed
from mmo.keys.ports import PLATFORM, PLATFORM_ID, KeysAwayError, NoKeyError, Purpose
from mmo.keys.socket import SocketKeyStore
from mmo.keys.verifier import Verifier
from mmo.settings import Settings
from tests.mmo.keys.conftest import TENANTS, open_tenants, settings_of
from tests.servers.postgres import Database
from workers import keys
from workers.hsm import prepare
from workers.wiring import open_trust


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(new_database: Callable[[], Database], tmp_path_factory) -> Settings:
    database = new_database()
    made = settings_of(database, tmp_path_factory.mktemp("k"))
    open_tenants(database)
    await prepare(made)
    return made


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """The process's work, in this process."""
    stop = asyncio.Event()
    ready = settings.home / "keys.ready"
    ready.unlink(missing_ok=True)
    served = asyncio.create_task(keys.run(settings.model_copy(update={"ready_file": ready}), stop))
    while not ready.exists():
        assert not served.done(), await served
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        stop.set()
        await served


@pytest_asyncio.fixture(loop_scope="session")
async def store(settings: Settings) -> AsyncIterator[SocketKeyStore]:
    asked = SocketKeyStore(settings.keys_at)
    async with running(settings):
        await asked.make(PLATFORM_ID, PLATFORM)
        for slug, number in TENANTS.items():
            await asked.make(number, slug)
        yield asked
        await asked.close()


def about() -> dict[str, object]:
    now = int(time.time())
    return {
        "sub": "alice", "client_id": "app", "aud": "mmo-api", "iat": now, "exp": now + 300,
        "jti": uuid.uuid4().hex,
    }  # fmt: skip


async def test_it_signs_authenticates_and_unwraps_for_another_process(
    store: SocketKeyStore, settings: Settings
) -> None:
    async with open_trust(settings) as trust:
        token = await store.sign("demo", Purpose.JWT, about())
        assert Verifier(trust, Purpose.JWT, "mmo-api").verify(token)["tenant"] == "demo"
    macs = await store.mac("demo", Purpose.PIN, [b"4821", b"\x00\xff"])
    assert [len(mac) for mac in macs] == [32, 32]
    assert await store.number("demo", Purpose.PIN) == 1
    key = await store.data_key("demo", "pii")
    assert await store.data_key("demo", "pii", key.id) == key
    await store.health()


async def test_requests_overtake_each_other_and_each_gets_its_own_answer(
    store: SocketKeyStore,
) -> None:
    told = await asyncio.gather(
        *(store.mac("demo", Purpose.PIN, [str(number).encode()]) for number in range(200))
    )
    alone = [await store.mac("demo", Purpose.PIN, [str(number).encode()]) for number in (0, 199)]
    assert len({mac for (mac,) in told}) == 200
    assert [told[0], told[199]] == alone


AS_NOBODY = """
import os, socket, sys
os.setuid(65534)
asking = socket.socket(socket.AF_UNIX)
asking.settimeout(5)
asking.connect(sys.argv[1])
print("connected")
try:
    asking.sendall((22).to_bytes(4, "big") + b'{"id":1,"op":"health"}')
    print("answered" if asking.recv(100) else "hung up")
except (BrokenPipeError, ConnectionResetError):
    print("hung up")
"""


async def test_what_is_final_is_told_as_final(store: SocketKeyStore) -> None:
    with pytest.raises(NoKeyError, match="nobody has no jwt key"):
        await store.sign("nobody", Purpose.JWT, about())
    with pytest.raises(ValueError, match="no such request"):
        await store.mac("demo", Purpose.PIN, [b"x"] * 65)
    with pytest.raises(ValueError, match="at most 65536 bytes"):
        await store.sign("demo", Purpose.JWT, {"text": "x" * FRAME_MAX})
    with pytest.raises(ValueError, match="no such request"):
        await store._ask("remove_all_keys")  # noqa: SLF001 - what no method asks
    assert await store.sign("demo", Purpose.JWT, about())


@pytest.mark.parametrize(
    "sent",
    [
        (FRAME_MAX + 1).to_bytes(4) + b"{",
        b"\xff\xff\xff\xff",
        (2).to_bytes(4) + b"[]",
        (3).to_bytes(4) + b"no!",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["too long", "longest", "no object", "no JSON", "HTTP"],
)
async def test_what_is_no_frame_ends_its_connection_and_no_other(
    store: SocketKeyStore, settings: Settings, sent: bytes
) -> None:
    await store.health()
    reader, writer = await asyncio.open_unix_connection(str(settings.keys_at))
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
    await store.health()


async def test_the_socket_is_its_owners_alone(store: SocketKeyStore, settings: Settings) -> None:
    assert settings.keys_at.stat().st_mode & 0o777 == 0o600
    assert settings.keys_at.parent.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as somebody else")
async def test_another_user_gets_no_answer_though_he_may_connect(settings: Settings) -> None:
    """The modes are as wide as can be: what the kernel says of the peer decides."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder) / "s"
        async with running(settings.model_copy(update={"keys_socket": at})):
            at.parent.chmod(0o755)
            at.chmod(0o666)
            done = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", AS_NOBODY, str(at)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
    assert (done.stdout.strip(), done.returncode) == ("connected\nhung up", 0), done.stderr


async def test_it_is_away_until_it_is_back_and_callers_need_do_nothing(settings: Settings) -> None:
    asked = SocketKeyStore(settings.keys_at)
    with pytest.raises(KeysAwayError, match="does not answer at"):
        await asked.health()
    async with running(settings):
        await asked.make(1, "demo")
        await asked.health()
    began = time.monotonic()
    with pytest.raises(KeysAwayError):
        await asked.sign("demo", Purpose.JWT, about())
    assert time.monotonic() - began < 1
    async with running(settings):
        assert await asked.sign("demo", Purpose.JWT, about())
    await asked.close()


async def test_a_token_that_is_away_is_away_for_the_askers_too(
    store: SocketKeyStore, settings: Settings
) -> None:
    (settings.hsm / "tokens").rename(settings.hsm / "gone")
    try:
        with pytest.raises(KeysAwayError):
            await store.sign("demo", Purpose.JWT, about())
        with pytest.raises(KeysAwayError):
            await store.health()
    finally:
        (settings.hsm / "gone").rename(settings.hsm / "tokens")
    await asyncio.sleep(0.6)
    assert await store.sign("demo", Purpose.JWT, about())


async def test_a_request_without_an_answer_is_given_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mmo.keys.socket.ANSWER_S", 0.2)
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(tmp_path / "s"))
    silent.listen()
    asked = SocketKeyStore(tmp_path / "s")
    with pytest.raises(KeysAwayError, match="no answer"):
        await asked.health()
    await asked.close()
    silent.close()


def test_a_frame_tells_its_length_first() -> None:
    frame = packed({"id": 1})
    assert int.from_bytes(frame[:4]) == len(frame) - 4
    assert json.loads(frame[4:]) == {"id": 1}
