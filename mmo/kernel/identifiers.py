"""Identifiers, and how they are minted."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import NewType
from uuid import UUID

import uuid_utils

TenantId = NewType("TenantId", int)
"""A tenant's number: it leads every key of every table."""
WalletId = NewType("WalletId", str)
"""A wallet's UUID in its canonical text."""
MovementId = NewType("MovementId", str)
"""A movement's UUIDv7 in its canonical text, minted when the API accepts the command."""


def mint() -> UUID:
    """Mint a UUIDv7: unique, and sortable by the time it was minted."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def named_at(moment: datetime, name: str) -> UUID:
    """A UUIDv7 of that moment which is always the same for a name: minted again, it is no other."""
    milliseconds = int(moment.timestamp() * 1000)
    random = int.from_bytes(sha256(name.encode()).digest()[:10])
    bits = milliseconds << 80 | random & ~(0xF << 76) & ~(0b11 << 62) | 0x7 << 76 | 0b10 << 62
    return UUID(int=bits)


def minted_at(identifier: UUID) -> datetime:
    """The moment (UTC) that a UUIDv7 was minted at, to the millisecond."""
    milliseconds = identifier.int >> 80
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )
