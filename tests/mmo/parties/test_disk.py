"""Files of KYC on disk: sealed, bound to their names, and gone with the tenant's key."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from mmo.keys.envelope import Envelope, TamperedError
from mmo.keys.ports import DataKey, NoKeyError
from mmo.parties.blobs import NoBlobError
from mmo.parties.disk import DiskBlobs

KEY = f"{UUID(int=1)}/{UUID(int=2)}/{'ab' * 32}"
OTHER = f"{UUID(int=3)}/{UUID(int=2)}/{'ab' * 32}"
FILE = b"%PDF- passport of Amina Wanjiku"


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


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_a_file_comes_back_as_it_was_and_is_never_in_clear_on_disk(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    await blobs.put("demo", KEY, FILE)

    assert await blobs.get("demo", KEY) == FILE
    (kept,) = files(tmp_path)
    assert b"Amina" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


async def test_the_same_name_again_replaces_the_whole_file(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    await blobs.put("demo", KEY, FILE)
    await blobs.put("demo", KEY, b"%PDF- other")

    assert await blobs.get("demo", KEY) == b"%PDF- other"
    assert len(files(tmp_path)) == 1


async def test_a_file_that_stands_under_another_name_or_tenant_does_not_open(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    await blobs.put("demo", KEY, FILE)
    (kept,) = files(tmp_path)
    for tenant, name in (("demo", OTHER), ("other", KEY)):
        place = tmp_path / "documents" / tenant / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(kept.read_bytes())

        with pytest.raises(TamperedError):
            await blobs.get(tenant, name)


async def test_with_the_key_the_files_are_gone_and_can_still_be_removed(
    blobs: DiskBlobs, keys: Keys, envelope: Envelope, tmp_path: Path
) -> None:
    await blobs.put("demo", KEY, FILE)
    keys.destroyed = True
    envelope.purge()

    with pytest.raises(NoKeyError):
        await blobs.get("demo", KEY)
    await blobs.remove("demo", KEY)

    assert files(tmp_path) == []


async def test_what_is_not_there_is_said_and_removed_without_a_word(blobs: DiskBlobs) -> None:
    with pytest.raises(NoBlobError):
        await blobs.get("demo", KEY)
    await blobs.remove("demo", KEY)


async def test_a_write_that_fails_leaves_what_was_there(
    blobs: DiskBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await blobs.put("demo", KEY, FILE)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        await blobs.put("demo", KEY, b"%PDF- half")
    monkeypatch.undo()

    assert await blobs.get("demo", KEY) == FILE
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "", "a//b", "x" * 9, ".", "a."])
async def test_no_name_leads_out_of_the_folder(blobs: DiskBlobs, name: str) -> None:
    for act in (blobs.get, blobs.remove):
        with pytest.raises(ValueError, match="no name"):
            await act("demo", name)
    with pytest.raises(ValueError, match="no name"):
        await blobs.put("..", KEY, FILE)
