"""Envelope encryption: data under a tenant's data key, which is wrapped by its KEK in the token.

A blob is `v1 | id of the data key | nonce | ciphertext and tag`. Its associated data bind it to
tenant, purpose and context: a value copied into another row, column or tenant does not open. With
the KEK, everything that was sealed under it is gone.
"""

import base64
import binascii
import os
import time
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mmo.keys.ports import DataKey, KeyStore

LIFE_S = 900.0
"""How long an unwrapped key stays in memory."""
KEPT_MAX = 1024
"""Unwrapped keys that one process keeps."""
TEXT_PREFIX = "enc:v1:"
_VERSION = b"\x01"
_ID, _NONCE, _TAG = 16, 12, 16
_HEAD = len(_VERSION) + _ID + _NONCE


class TamperedError(Exception):
    """The blob was changed, or belongs elsewhere."""


@dataclass(frozen=True, slots=True)
class _Kept:
    id: bytes
    cipher: AESGCM
    until: float


class Envelope:
    """Seals and opens. Its methods raise KeysAwayError or NoKeyError where the key is not had."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._kept: dict[tuple[str, str, str | None], _Kept] = {}
        self._purges = 0

    async def seal(self, tenant: str, purpose: str, context: bytes, data: bytes) -> bytes:
        """Encipher data that belongs to this context, such as `customer.name|<id>`."""
        kept = await self._key(tenant, purpose, None)
        nonce = os.urandom(_NONCE)
        bound = _bound(tenant, purpose, context, kept.id)
        return _VERSION + kept.id + nonce + kept.cipher.encrypt(nonce, data, bound)

    async def open(self, tenant: str, purpose: str, context: bytes, blob: bytes) -> bytes:
        """Decipher; raises TamperedError where the blob was not sealed so."""
        if len(blob) < _HEAD + _TAG or blob[:1] != _VERSION:
            raise TamperedError("this is no sealed value")
        identifier, nonce = blob[1 : 1 + _ID], blob[1 + _ID : _HEAD]
        kept = await self._key(tenant, purpose, str(UUID(bytes=identifier)))
        try:
            bound = _bound(tenant, purpose, context, identifier)
            return kept.cipher.decrypt(nonce, blob[_HEAD:], bound)
        except InvalidTag:
            raise TamperedError("the value was changed, or belongs elsewhere") from None

    async def seal_text(self, tenant: str, purpose: str, context: bytes, text: str) -> str:
        """Encipher a text as a text: what stands in events and rows instead of a name."""
        blob = await self.seal(tenant, purpose, context, text.encode())
        return TEXT_PREFIX + base64.urlsafe_b64encode(blob).rstrip(b"=").decode()

    async def open_text(self, tenant: str, purpose: str, context: bytes, sealed: str) -> str:
        """Decipher such a text; raises TamperedError for any other."""
        if not sealed.startswith(TEXT_PREFIX):
            raise TamperedError("this is no sealed text")
        body = sealed.removeprefix(TEXT_PREFIX)
        try:
            blob = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise TamperedError("this is no sealed text") from None
        return (await self.open(tenant, purpose, context, blob)).decode()

    def purge(self) -> None:
        """Forget every unwrapped key, also those that are on their way. Called at each change."""
        self._purges += 1
        self._kept.clear()

    async def _key(self, tenant: str, purpose: str, identifier: str | None) -> _Kept:
        kept = self._kept.get((tenant, purpose, identifier))
        if kept is not None and kept.until > time.monotonic():
            return kept
        purges = self._purges
        key = await self._keys.data_key(tenant, purpose, identifier)
        kept = _kept(key)
        if purges == self._purges:
            self._keep((tenant, purpose, identifier), kept)
        return kept

    def _keep(self, name: tuple[str, str, str | None], kept: _Kept) -> None:
        self._kept.pop(name, None)
        while len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = kept


def _kept(key: DataKey) -> _Kept:
    return _Kept(UUID(key.id).bytes, AESGCM(key.material), time.monotonic() + LIFE_S)


def _bound(tenant: str, purpose: str, context: bytes, identifier: bytes) -> bytes:
    """Associated data; tenant and purpose hold no bar, so nothing can be shifted over one."""
    return b"|".join((tenant.encode(), purpose.encode(), context, identifier))
