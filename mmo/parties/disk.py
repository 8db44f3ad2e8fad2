"""Files of tenants in a folder, each sealed piece by piece under the tenant's data key.

A file is `mmo-b1`, an id of its own, and its pieces, each with its length before it. What a piece
is sealed with names folder, file, place and whether it is the last one: none can be left out,
moved or brought over from another file.
"""

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from mmo.keys.envelope import Envelope, TamperedError
from mmo.keys.personal import PURPOSE
from mmo.parties.blobs import NoBlobError, StoredBlob

PIECE = 64 * 1024
"""Bytes that are sealed together; no more of a file is in memory."""
_MAGIC, _ID, _LENGTH = b"mmo-b1", 16, 4
_FIRST = len(_MAGIC) + _ID
_SEALED_MAX = PIECE + 256
_TENANT = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_KEY = re.compile(r"[0-9a-f-]{1,64}(/[0-9a-f-]{1,64}){0,3}", re.ASCII)


class DiskBlobs:
    """Keeps blobs as files `<folder>/<tenant>/<key>`."""

    def __init__(self, folder: Path, envelope: Envelope) -> None:
        self._folder = folder
        self._envelope = envelope

    async def put(self, tenant: str, folder: str, pieces: AsyncIterable[bytes]) -> StoredBlob:
        """Seal and keep a file; it is on disk under its name once this returns."""
        directory, identifier = self._path(tenant, folder), os.urandom(_ID)
        digest, size = sha256(), 0
        part = await asyncio.to_thread(_begin, directory, identifier)
        try:
            with part.open("ab") as file:
                async for number, piece, last in _numbered(pieces):
                    digest.update(piece)
                    size += len(piece)
                    context = _context(folder, identifier, number, last=last)
                    sealed = await self._envelope.seal(tenant, PURPOSE, context, piece)
                    await asyncio.to_thread(_append, file, sealed)
                await asyncio.to_thread(_sync, file)
            await asyncio.to_thread(_name, part, directory / digest.hexdigest())
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        key = f"{folder}/{digest.hexdigest()}"
        return StoredBlob(key=key, sha256=digest.hexdigest(), size=size)

    async def get(self, tenant: str, key: str) -> AsyncIterator[bytes]:
        """Read and open a file, piece by piece."""
        path, folder = self._path(tenant, key), key.rpartition("/")[0]
        try:
            head = await asyncio.to_thread(_read, path, 0, _FIRST)
        except FileNotFoundError:
            raise NoBlobError(key) from None
        if not head.startswith(_MAGIC) or len(head) < _FIRST:
            raise TamperedError("this is no file of the store")
        pieces = self._opened(tenant, path, folder, head[len(_MAGIC) :])
        first = await anext(pieces)
        return _after(first, pieces)

    async def remove(self, tenant: str, key: str) -> None:
        """Unlink a file, if it is there."""
        await asyncio.to_thread(_unlink, self._path(tenant, key))

    async def _opened(
        self, tenant: str, path: Path, folder: str, identifier: bytes
    ) -> AsyncIterator[bytes]:
        place, number, last = _FIRST, 0, False
        while not last:
            sealed, place, last = await asyncio.to_thread(_sealed, path, place)
            context = _context(folder, identifier, number, last=last)
            yield await self._envelope.open(tenant, PURPOSE, context, sealed)
            number += 1

    def _path(self, tenant: str, key: str) -> Path:
        """Where a file is. Raises ValueError for a name that could lead out of the folder."""
        if not (_TENANT.fullmatch(tenant) and _KEY.fullmatch(key)):
            raise ValueError("no name of a file")
        return self._folder / tenant / key


async def _numbered(pieces: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, bytes, bool]]:
    """Pieces of one size with their numbers, and whether each is the last; there is always one."""
    held, number = bytearray(), 0
    async for piece in pieces:
        held += piece
        while len(held) > PIECE:
            yield number, bytes(held[:PIECE]), False
            del held[:PIECE]
            number += 1
    yield number, bytes(held), True


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _context(folder: str, identifier: bytes, number: int, *, last: bool) -> bytes:
    return f"blob|{folder}|{identifier.hex()}|{number}|{int(last)}".encode()


def _begin(directory: Path, identifier: bytes) -> Path:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = directory / f".{secrets.token_hex(8)}.part"
    with part.open("xb") as file:
        part.chmod(0o600)
        file.write(_MAGIC + identifier)
    return part


def _append(file: BinaryIO, sealed: bytes) -> None:
    file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _name(part: Path, path: Path) -> None:
    part.replace(path)
    _sync_folder(path.parent)


def _read(path: Path, place: int, most: int) -> bytes:
    """A part of a file, opened for this read alone: nobody has to close it who stops reading."""
    with path.open("rb") as file:
        file.seek(place)
        return file.read(most)


def _sealed(path: Path, place: int) -> tuple[bytes, int, bool]:
    """A sealed piece, where the next one begins, and whether there is none."""
    read = _read(path, place, _LENGTH + _SEALED_MAX + 1)
    end = _LENGTH + int.from_bytes(read[:_LENGTH], "big")
    if len(read) < _LENGTH or not _LENGTH < end <= min(len(read), _LENGTH + _SEALED_MAX):
        raise TamperedError("the file was cut short, or changed")
    return read[_LENGTH:end], place + end, len(read) == end


def _unlink(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk: a file is safe only once its name is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
