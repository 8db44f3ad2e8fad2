"""The chain of seals: each one hashes its rows and the seal before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

NOTHING = bytes(32)
"""What the first seal of a chain follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One link: the rows of a stream whose transactions lie in (from_xid, to_xid]."""

    tenant_id: int
    stream: str
    n: int
    from_xid: int
    to_xid: int
    rows: int
    previous: bytes
    hash: bytes
    epoch: int = 0

    def claims(self) -> dict[str, Any]:
        """What is signed: all of it."""
        return {
            "stream": self.stream,
            "tenant_id": self.tenant_id,
            "n": self.n,
            "from": self.from_xid,
            "to": self.to_xid,
            "rows": self.rows,
            "previous": self.previous.hex(),
            "hash": self.hash.hex(),
            "epoch": self.epoch,
        }


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal of a chain, as the next one needs it."""

    n: int = 0
    to_xid: int = 0
    hash: bytes = NOTHING
    epoch: int = 0


class Hashing:
    """Hashes rows one after the other, behind the seal before them."""

    def __init__(self, previous: bytes) -> None:
        self._hash = sha256(previous)
        self.rows = 0

    def add(self, row: Sequence[Any]) -> None:
        """Take the next row, in the order of (xid, seq)."""
        self._hash.update(sha256(orjson.dumps(row)).digest())
        self.rows += 1

    def digest(self) -> bytes:
        """The hash of the seal that ends here."""
        return self._hash.digest()


def seal_after(
    head: Head, *, tenant: int, stream: str, to_xid: int, rows: Sequence[Sequence[Any]]
) -> Seal:
    """Seal the rows that follow a head."""
    hashing = Hashing(head.hash)
    for row in rows:
        hashing.add(row)
    return Seal(
        tenant_id=tenant,
        stream=stream,
        n=head.n + 1,
        from_xid=head.to_xid,
        to_xid=to_xid,
        rows=hashing.rows,
        previous=head.hash,
        hash=hashing.digest(),
        epoch=head.epoch,
    )
