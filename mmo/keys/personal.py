"""Personal data as contexts keep it: sealed texts, and the blind index that finds a number."""

from collections.abc import Sequence

from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore, Purpose

PURPOSE = "pii"
BY_NUMBER = "msisdn:"
_INDEX = b"mmo.wallet.msisdn|"
"""Keeps this index apart from whatever else is authenticated with the same key."""
_INDEX_BYTES = 16


class Sealing:
    """Seals and opens texts of one kind of owner, such as `wallet` or `party`.

    Its methods raise KeysAwayError where the process `keys` is away, and NoKeyError.
    """

    def __init__(self, keys: KeyStore, envelope: Envelope, owner: str) -> None:
        self._keys = keys
        self._envelope = envelope
        self._owner = owner

    async def indices(self, tenant: str, numbers: Sequence[str]) -> list[str]:
        """The blind index (hex) of each number: equal numbers of a tenant have equal ones.

        It is the same whoever keeps the number. However many there are, `keys` is asked once.
        """
        if not numbers:
            return []
        messages = [_INDEX + number.encode() for number in numbers]
        macs = await self._keys.mac(tenant, Purpose.MSISDN, messages)
        return [mac[:_INDEX_BYTES].hex() for mac in macs]

    async def seal(self, tenant: str, field: str, identifier: str, text: str) -> str:
        """Seal a text for one field of one owner."""
        return await self._envelope.seal_text(
            tenant, PURPOSE, self._context(field, identifier), text
        )

    async def open(self, tenant: str, field: str, identifier: str, sealed: str) -> str:
        """Open it again. Raises TamperedError where it is another field's or owner's."""
        return await self._envelope.open_text(
            tenant, PURPOSE, self._context(field, identifier), sealed
        )

    def _context(self, field: str, identifier: str) -> bytes:
        return f"{self._owner}.{field}|{identifier}".encode()
