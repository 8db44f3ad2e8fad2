"""What is sealed opens for the same tenant, purpose and context, while the tenant's KEK lives."""

import asyncio
import os
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool

from mmo.keys.envelope import Envelope, TamperedError
from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import DataKey, KeysAwayError, NoKeyError, Purpose
from mmo.settings import Settings
from tests.mmo.keys.conftest import TENANTS
from tests.mmo.keys.drill import start
from workers.wiring import open_trust

CONTEXT = b"customer.name|1"


class Counting:
    """Fresh data keys, and how often one was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.keys: dict[str, DataKey] = {}
        self.away = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def data_key(self, tenant: str, purpose: str, identifier: str | None = None) -> DataKey:
        self.asked += 1
        await self.slow.wait()
        if self.away:
            raise KeysAwayError
        name = identifier or str(UUID(bytes=f"{tenant}|{purpose}".encode().ljust(16)[:16]))
        return self.keys.setdefault(name, DataKey(name, os.urandom(32)))


@pytest.fixture
def keys() -> Counting:
    return Counting()


@pytest.fixture
def envelope(keys: Counting) -> Envelope:
    return Envelope(keys)  # type: ignore[arg-type]


async def test_what_is_sealed_opens_again_and_is_never_the_same_twice(envelope: Envelope) -> None:
    one = await envelope.seal("demo", "pii", CONTEXT, b"Alice")
    other = await envelope.seal("demo", "pii", CONTEXT, b"Alice")

    assert one != other
    assert b"Alice" not in one
    assert await envelope.open("demo", "pii", CONTEXT, one) == b"Alice"


async def test_a_text_is_sealed_as_a_text(envelope: Envelope) -> None:
    sealed = await envelope.seal_text("demo", "pii", CONTEXT, "Wanjikũ")

    assert sealed.startswith("enc:v1:")
    assert await envelope.open_text("demo", "pii", CONTEXT, sealed) == "Wanjikũ"
    for other in ("Wanjikũ", "enc:v1:", "enc:v1:!!!!", "enc:v1:" + "A" * 80, sealed + "é"):
        with pytest.raises(TamperedError):
            await envelope.open_text("demo", "pii", CONTEXT, other)


@pytest.mark.parametrize("place", [0, 1, 16, 17, 28, 29, -1])
async def test_a_changed_byte_anywhere_does_not_open(envelope: Envelope, place: int) -> None:
    blob = bytearray(await envelope.seal("demo", "pii", CONTEXT, b"Alice"))
    blob[place] ^= 1
    with pytest.raises(TamperedError):
        await envelope.open("demo", "pii", CONTEXT, bytes(blob))


@pytest.mark.parametrize(
    ("tenant", "purpose", "context"),
    [
        ("other", "pii", CONTEXT),
        ("demo", "temporal", CONTEXT),
        ("demo", "pii", b"customer.name|2"),
        ("demo", "pii", b""),
    ],
)
async def test_it_does_not_open_elsewhere(
    envelope: Envelope, tenant: str, purpose: str, context: bytes
) -> None:
    blob = await envelope.seal("demo", "pii", CONTEXT, b"Alice")
    with pytest.raises(TamperedError):
        await envelope.open(tenant, purpose, context, blob)


async def test_a_key_is_asked_for_once_until_it_is_purged(
    envelope: Envelope, keys: Counting
) -> None:
    for _ in range(5):
        blob = await envelope.seal("demo", "pii", CONTEXT, b"Alice")
    assert keys.asked == 1
    for _ in range(5):
        await envelope.open("demo", "pii", CONTEXT, blob)
    assert keys.asked == 2, "the key to open is named, the one to seal with is the newest"
    envelope.purge()
    keys.away = True
    with pytest.raises(KeysAwayError):
        await envelope.open("demo", "pii", CONTEXT, blob)


async def test_a_key_on_its_way_during_a_purge_is_not_kept(
    envelope: Envelope, keys: Counting
) -> None:
    keys.slow.clear()
    sealing = asyncio.create_task(envelope.seal("demo", "pii", CONTEXT, b"Alice"))
    await asyncio.sleep(0)
    envelope.purge()
    keys.slow.set()
    await sealing
    await envelope.seal("demo", "pii", CONTEXT, b"Alice")
    assert keys.asked == 2


@pytest.mark.case("L11")
async def test_a_destroyed_kek_ends_one_tenants_data_everywhere_and_nothing_else(
    store: Pkcs11KeyStore, settings: Settings
) -> None:
    """L11. In a running process that had the key in memory, and in one that starts afterwards."""
    front = settings.model_copy(update={"database_user": "mmo_front"})
    running = Envelope(store)
    async with open_trust(front) as trust:
        trust.on_change(running.purge)  # type: ignore[attr-defined]
        sealed = {t: await running.seal(t, "pii", CONTEXT, b"Alice") for t in TENANTS}
        assert await running.open("demo", "pii", CONTEXT, sealed["demo"]) == b"Alice"

        assert await store.administration.destroy(TENANTS["demo"], Purpose.KEK) == 1

        async def read_for_a_second() -> None:
            for _ in range(100):
                await running.open("demo", "pii", CONTEXT, sealed["demo"])
                await asyncio.sleep(0.01)

        with pytest.raises(NoKeyError):
            await read_for_a_second()
    after_a_start = Envelope(store)
    with pytest.raises(NoKeyError):
        await after_a_start.open("demo", "pii", CONTEXT, sealed["demo"])
    with pytest.raises(NoKeyError):
        await after_a_start.seal("demo", "pii", CONTEXT, b"Alice")
    await store.make(TENANTS["demo"], "demo")
    with pytest.raises(NoKeyError):
        await after_a_start.seal("demo", "pii", CONTEXT, b"Alice")
    for envelope in (running, after_a_start):
        assert await envelope.open("other", "pii", CONTEXT, sealed["other"]) == b"Alice"
    assert await store.sign("demo", Purpose.JWT, {"sub": "alice"})


async def test_a_key_made_after_the_end_opens_nothing_of_before(store: Pkcs11KeyStore) -> None:
    envelope = Envelope(store)
    sealed = await envelope.seal("other", "temporal", CONTEXT, b"Bob")
    await store.administration.destroy(TENANTS["other"], Purpose.KEK)
    await store.administration.rotate(TENANTS["other"], "other", Purpose.KEK)
    envelope.purge()

    with pytest.raises(NoKeyError):
        await envelope.open("other", "temporal", CONTEXT, sealed)
    again = await envelope.seal("other", "temporal", CONTEXT, b"Bob")
    assert await envelope.open("other", "temporal", CONTEXT, again) == b"Bob"


KILLED = 4


@pytest.mark.case("L4")
async def test_processes_killed_while_they_make_keys_leave_orphans_that_are_removed(
    store: Pkcs11KeyStore, settings: Settings, pool: AsyncConnectionPool
) -> None:
    """L4."""
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM keys.key")
        before = await cursor.fetchone()
    killing = [start("generates", settings.home) for _ in range(KILLED)]
    try:
        for process in killing:
            assert process.stdout is not None
            said = await asyncio.to_thread(process.stdout.readline)
            assert said == "ready\n", await asyncio.to_thread(process.stdout.read)
        await asyncio.sleep(0.3)
    finally:
        for process in killing:
            process.kill()
            await asyncio.to_thread(process.wait)
            process.stdout.close()  # type: ignore[union-attr]

    orphans = await store.administration.reconcile()
    assert len(orphans) > KILLED
    assert {one.label for one in orphans} == {"orphan"}
    assert await store.administration.compare() == ([], [])
    assert await store.sign("other", Purpose.JWT, {"sub": "alice"})
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM keys.key")
        assert await cursor.fetchone() == before
