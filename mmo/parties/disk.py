"""Files of tenants in a folder, each sealed by the tenant's data key."""

import asyncio
import contextlib
import os
import re
import secrets
from pathlib import Path

from mmo.keys.envelope import Envelope
from mmo.keys.personal import PURPOSE
from mmo.parties.blobs import NoBlobError

_TENANT = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_KEY = re.compile(r"[0-9a-f-]{1,64}(/[0-9a-f-]{1,64}){0,3}", re.ASCII)


class DiskBlobs:
    """Keeps blobs as files `<folder>/<tenant>/<key>`."""

    def __init__(self, folder: Path, envelope: Envelope) -> None:
        self._folder = folder
        self._envelope = envelope

    async def put(self, tenant: str, key: str, data: bytes) -> None:
        """Seal and keep a file; it is on disk under its name once this returns."""
        path = self._path(tenant, key)
        sealed = await self._envelope.seal(tenant, PURPOSE, _context(key), data)
        await asyncio.to_thread(_write, path, sealed)

    async def get(self, tenant: str, key: str) -> bytes:
        """Read and open a file."""
        path = self._path(tenant, key)
        try:
            sealed = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise NoBlobError(key) from None
        return await self._envelope.open(tenant, PURPOSE, _context(key), sealed)

    async def remove(self, tenant: str, key: str) -> None:
        """Unlink a file, if it is there."""
        await asyncio.to_thread(_unlink, self._path(tenant, key))

    def _path(self, tenant: str, key: str) -> Path:
        """Where a file is. Raises ValueError for a name that could lead out of the folder."""
        if not (_TENANT.fullmatch(tenant) and _KEY.fullmatch(key)):
            raise ValueError("no name of a file")
        return self._folder / tenant / key


def _context(key: str) -> bytes:
    return f"blob|{key}".encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


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
