"""Secret codes of digits: told once, and kept as a MAC under the tenant's key."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mmo.keys.ports import KeyStore, Purpose

DIGITS = 10
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCode:
    """What is kept of a code. `key_n`: the number of the key that made the MAC."""

    salt: bytes
    mac: bytes
    key_n: int


_NONE = KeptCode(salt=bytes(_SALT_BYTES), mac=bytes(32), key_n=0)
"""Where there is no code to compare with: the same work, and never right."""


class Codes:
    """Makes and proves codes of one kind. Its methods raise KeysAwayError and NoKeyError.

    `label` keeps them apart from whatever else is authenticated with the same key.
    """

    def __init__(self, keys: KeyStore, label: str) -> None:
        self._keys = keys
        self._label = label

    async def made(self, tenant: str, identifier: UUID) -> tuple[str, KeptCode]:
        """Make a new random code for something, and what is kept of it."""
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        salt = secrets.token_bytes(_SALT_BYTES)
        number = await self._keys.number(tenant, Purpose.PIN)
        (mac,) = await self._macs(tenant, [(identifier, salt)], code, number)
        return code, KeptCode(salt=salt, mac=mac, key_n=number)

    async def found(
        self, tenant: str, kept: Sequence[tuple[UUID, KeptCode]], code: str
    ) -> UUID | None:
        """Whose code it is, of those that are kept; None: nobody's.

        Where nothing is kept, as much is computed as for one.
        """
        asked = code if code.isascii() and code.isdigit() and len(code) == DIGITS else "none"
        right: UUID | None = None
        compared = kept or [(UUID(int=0), _NONE)]
        for number in sorted({one.key_n for _, one in compared}):
            of_key = [(one, row) for one, row in compared if row.key_n == number]
            salts = [(one, row.salt) for one, row in of_key]
            macs = await self._macs(tenant, salts, asked, number or None)
            for (one, row), mac in zip(of_key, macs, strict=True):
                if hmac.compare_digest(mac, row.mac):
                    right = one
        return right

    async def _macs(
        self, tenant: str, salts: Sequence[tuple[UUID, bytes]], code: str, number: int | None
    ) -> list[bytes]:
        messages = [
            _framed(self._label.encode(), tenant.encode(), one.bytes, salt, code.encode())
            for one, salt in salts
        ]
        return await self._keys.mac(tenant, Purpose.PIN, messages, number)


def _framed(*parts: bytes) -> bytes:
    """Each part with its length, so that no two lists of parts are one message."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
