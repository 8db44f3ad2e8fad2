"""The port of the store of files, as its users see it: files come and go in pieces."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class NoBlobError(LookupError):
    """There is no such file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """A file that is kept."""

    key: str
    """By which it is read and removed: its folder and the SHA-256 of its content."""
    sha256: str
    size: int
    """In bytes."""


class BlobStore(Protocol):
    """Keeps the files of tenants, each sealed under its tenant's key and bound to its folder.

    A folder is made of ids with `/` between them; a file in it is named for its content, so the
    same one again changes nothing. No method holds a whole file in memory. Every method raises
    KeysAwayError, or NoKeyError where the tenant's key is destroyed; what is removed needs no key.
    """

    async def put(self, tenant: str, folder: str, pieces: AsyncIterable[bytes]) -> StoredBlob:
        """Keep a file: whole and on disk, or not at all, whatever `pieces` raises."""
        ...

    async def get(self, tenant: str, key: str) -> AsyncIterator[bytes]:
        """Give a file back in pieces, of which the first has been opened.

        Raises NoBlobError, and TamperedError where it was changed, then or on the way.
        """
        ...

    async def remove(self, tenant: str, key: str) -> None:
        """Take a file away, if it is there."""
        ...
