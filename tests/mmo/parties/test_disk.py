"""Files of KYC on disk: sealed, bound to their names, and gone with the tenant's key."""

import os
import tracemalloc
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from mmo.keys.envelope import Envelope, TamperedError
from mmo.keys.ports import DataKey, NoKeyError
from mmo.parties.blobs import NoBlobError
from mmo.parties.disk import PIECE, DiskBlobs

FOLDER = f"{UUID(int=1)}/{UUID(int=2)}"
OTHER = f"{UUID(int=3)}/{UUID(int=2)}"
FILE = b"%PDF- passport of Amina Wanjiku"
KEY = f"{FOLDER}/{sha256(FILE).hexdigest()}"
SIZES = (0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 8 * 1024 * 1024 + 7)


class Keys:
    """One data key, until its KEK is destroyed."""

    def __init__(self) -> None:
        self.key = DataKey(str(UUID(int=9)), os.urandom(32))
        self.destroyed = False

    async def data_key(self, tenant: str, purpose: str, identifier: str | None = None) -> DataKey:
        if self.destroyed:
            raise NoKeyError
        return self.key


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def envelope(keys: Keys) -> Envelope:
    return Envelope(keys)  # type: ignore[arg-type]


@pytest.fixture
def blobs(tmp_path: Path, envelope: Envelope) -> DiskBlobs:
    return DiskBlobs(tmp_path / "documents", envelope)


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for one in given:
        yield one


async def put(blobs: DiskBlobs, data: bytes = FILE, folder: str = FOLDER) -> str:
    return (await blobs.put("demo", folder, pieces(data))).key


async def got(blobs: DiskBlobs, key: str = KEY, tenant: str = "demo") -> bytes:
    return b"".join([piece async for piece in await blobs.get(tenant, key)])


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_a_file_comes_back_as_it_was_and_is_never_in_clear_on_disk(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    stored = await blobs.put("demo", FOLDER, pieces(FILE[:7], b"", FILE[7:]))

    assert (stored.key, stored.size) == (KEY, len(FILE))
    assert await got(blobs) == FILE
    (kept,) = files(tmp_path)
    assert b"Amina" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_of_any_size_comes_back_whole(blobs: DiskBlobs, size: int) -> None:
    data = os.urandom(size)

    assert await got(blobs, await put(blobs, data)) == data


async def test_a_large_file_is_never_in_memory(blobs: DiskBlobs) -> None:
    async def photo() -> AsyncIterator[bytes]:
        for _ in range(256):
            yield bytes(PIECE)

    tracemalloc.start()
    try:
        key = (await blobs.put("demo", FOLDER, photo())).key
        read = sum([len(piece) async for piece in await blobs.get("demo", key)])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert read == 256 * PIECE
    assert most < 16 * PIECE


async def test_the_same_content_again_is_one_file_and_other_content_another(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    await put(blobs)
    again = await put(blobs)
    other = await put(blobs, b"%PDF- other")

    assert (again, await got(blobs)) == (KEY, FILE)
    assert await got(blobs, other) == b"%PDF- other"
    assert len(files(tmp_path)) == 2


async def test_a_file_that_stands_in_another_folder_or_tenant_does_not_open(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    await put(blobs)
    (kept,) = files(tmp_path)
    for tenant, folder in (("demo", OTHER), ("other", FOLDER)):
        place = tmp_path / "documents" / tenant / folder / kept.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(kept.read_bytes())

        with pytest.raises(TamperedError):
            await got(blobs, f"{folder}/{kept.name}", tenant)


@pytest.mark.parametrize("damage", ["cut", "cut at a piece", "swapped", "mixed", "head", "flipped"])
async def test_a_file_that_was_changed_does_not_open(
    blobs: DiskBlobs, tmp_path: Path, damage: str
) -> None:
    key = await put(blobs, bytes(2 * PIECE + 5))
    (kept,) = files(tmp_path)
    whole = kept.read_bytes()
    step = 4 + int.from_bytes(whole[22:26], "big")
    first, second, rest = whole[22 : 22 + step], whole[22 + step : 22 + 2 * step], 22 + 2 * step
    await put(blobs, bytes(2 * PIECE + 6))
    (twin,) = [one for one in files(tmp_path) if one != kept]
    foreign = twin.read_bytes()[22 : 22 + step]
    kept.write_bytes({
        "cut": whole[:-1],
        "cut at a piece": whole[:rest],
        "swapped": whole[:22] + second + first + whole[rest:],
        "mixed": whole[:22] + foreign + second + whole[rest:],
        "head": whole[:21],
        "flipped": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
    }[damage])  # fmt: skip

    with pytest.raises(TamperedError):
        await got(blobs, key)


async def test_a_file_goes_with_the_key_of_its_tenant(
    blobs: DiskBlobs, keys: Keys, envelope: Envelope, tmp_path: Path
) -> None:
    await put(blobs)
    keys.destroyed = True
    envelope.purge()

    with pytest.raises(NoKeyError):
        await got(blobs)
    await blobs.remove("demo", KEY)
    assert files(tmp_path) == []


async def test_what_is_not_there_is_said_and_removed_without_a_word(blobs: DiskBlobs) -> None:
    with pytest.raises(NoBlobError):
        await got(blobs)
    await blobs.remove("demo", KEY)


async def test_a_file_that_does_not_arrive_whole_leaves_nothing(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield bytes(3 * PIECE)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await blobs.put("demo", FOLDER, half())

    assert files(tmp_path) == []


async def test_a_write_that_fails_leaves_what_was_there(
    blobs: DiskBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(blobs)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        await put(blobs, b"%PDF- half")
    monkeypatch.undo()

    assert await got(blobs) == FILE
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "", "a//b", "x" * 9, ".", "a."])
async def test_no_name_leads_out_of_the_folder(blobs: DiskBlobs, name: str) -> None:
    for act in (blobs.get, blobs.remove):
        with pytest.raises(ValueError, match="no name"):
            await act("demo", name)
    for tenant, folder in (("..", FOLDER), ("demo", name)):
        with pytest.raises(ValueError, match="no name"):
            await blobs.put(tenant, folder, pieces(FILE))
