"""The door to the store of files, as its users see it."""

from typing import Protocol


class NoBlobError(LookupError):
    """There is no such file."""


class BlobStore(Protocol):
    """Keeps the files of tenants, each sealed under its tenant's key and bound to its own name.

    A name is made of ids and hex digits, with `/` between them. Every method raises KeysAwayError,
    or NoKeyError where the tenant's key is destroyed; what is removed needs no key.
    """

    async def put(self, tenant: str, key: str, data: bytes) -> None:
        """Keep a file: whole and on disk, or not at all. The same name again replaces it."""
        ...

    async def get(self, tenant: str, key: str) -> bytes:
        """Give a file back. Raises NoBlobError, and TamperedError where it was changed."""
        ...

    async def remove(self, tenant: str, key: str) -> None:
        """Take a file away, if it is there."""
        ...
