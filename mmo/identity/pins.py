"""The PIN vault: an attempt is counted before the MAC is asked for, and a MAC fits one wallet only.

The MAC is made under the tenant's own key, which never leaves the HSM, so a stolen table tells
nothing; the counter stands where the MAC is asked for, so nobody walks through ten thousand PINs.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from mmo.identity import pin_rows
from mmo.identity.pin_rows import Kept
from mmo.identity.pin_rules import is_pin, is_weak
from mmo.identity.pin_sources import clear, note
from mmo.identity.secret import digest, new_secret
from mmo.kernel.identifiers import mint
from mmo.keys.ports import KeyStore, Purpose
from mmo.tenancy.scope import scoped

TRIES = 5
"""Attempts of a stage; after the first stage 15 minutes pass, then 24 hours, then a reset helps."""
PROOF_S = 60


class PinRefusedError(Exception):
    """The PIN was not accepted: wrong, locked, blocked or none set. One message for all of them."""


class PinInvalidError(Exception):
    """The new PIN cannot be one. `code`: pin_invalid, pin_weak or pin_used_before."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """Whose PINs: the tenant's number and name."""

    id: int
    slug: str


_NONE = Kept(salt=bytes(16), mac=bytes(32), key_n=0)
"""Where there is no PIN, or no attempt is left: the same work, and never right."""


class PinVault:
    """Sets, proves and resets PINs."""

    def __init__(self, pool: AsyncConnectionPool[Any], keys: KeyStore) -> None:
        self._pool = pool
        self._keys = keys

    async def verify(
        self, tenant: Tenancy, wallet: UUID, pin: str, sources: Sequence[str] = ()
    ) -> None:
        """Prove a PIN. Raises PinRefusedError, KeysAwayError.

        `sources`: what the same hand could have used before (`device/…`, `subject/…`, `ip/…`).
        """
        kept = await self._reserve(tenant.id, wallet, sources)
        asked = pin if is_pin(pin) else "none"
        proved = await self._mac(tenant, wallet, kept or _NONE, asked)
        if not hmac.compare_digest(proved, (kept or _NONE).mac) or kept is None:
            raise PinRefusedError
        await self._succeed(tenant.id, wallet, sources)
        await self._renew(tenant, wallet, kept, asked)

    async def set_first(self, tenant: Tenancy, wallet: UUID, pin: str, msisdn: str) -> bool:
        """Set a PIN where there is none; False where there is one. Raises PinInvalidError."""
        made = await self.made_first(tenant, wallet, pin, msisdn)
        if made is None:
            return False
        async with scoped(self._pool, tenant.id) as connection:
            return await pin_rows.first(connection, tenant.id, wallet, made)

    async def made_first(self, tenant: Tenancy, wallet: UUID, pin: str, msisdn: str) -> Kept | None:
        """What is to be kept of a first PIN; None where there is one. Raises PinInvalidError."""
        if await self._before(tenant.id, wallet):
            return None
        return await self.made(tenant, wallet, pin, msisdn)

    async def change(
        self,
        tenant: Tenancy,
        wallet: UUID,
        current: str,
        pin: str,
        msisdn: str,
        sources: Sequence[str] = (),
    ) -> None:
        """Change a PIN by its old one. Raises PinRefusedError, PinInvalidError."""
        await self.verify(tenant, wallet, current, sources)
        await self._replace(tenant, wallet, pin, msisdn)

    async def prove(
        self,
        tenant: Tenancy,
        wallet: UUID,
        pin: str,
        *,
        subject: str,
        request: bytes,
        sources: Sequence[str] = (),
    ) -> str:
        """Prove a PIN for one request: a proof that is good for it once, for a minute.

        `request`: SHA-256 of what it is for. Raises PinRefusedError.
        """
        await self.verify(tenant, wallet, pin, sources)
        proof = new_secret()
        async with scoped(self._pool, tenant.id) as connection:
            await connection.execute(
                """INSERT INTO identity.pin_proof
                   (tenant_id, hash, wallet_id, subject, request, expires_at)
                   VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))""",
                [tenant.id, digest(proof), wallet, subject, request, PROOF_S],
            )
        return proof

    async def use_proof(
        self, tenant: int, wallet: UUID, proof: str, *, subject: str, request: bytes, key: str
    ) -> bool:
        """Use a proof for the request under that idempotency key; a repeat of it may come again."""
        async with scoped(self._pool, tenant) as connection:
            cursor = await connection.execute(
                """UPDATE identity.pin_proof SET used_by = %s
                    WHERE tenant_id = %s AND hash = %s AND wallet_id = %s AND subject = %s
                      AND request = %s
                      AND (used_by = %s OR used_by IS NULL AND expires_at > now())""",
                [key, tenant, digest(proof), wallet, subject, request, key],
            )
            return cursor.rowcount == 1

    async def ask_reset(self, tenant: int, wallet: UUID, asked_by: str) -> UUID:
        """Ask that a wallet may have a new PIN; somebody else decides."""
        identifier = mint()
        async with scoped(self._pool, tenant) as connection:
            await pin_rows.ask_reset(connection, tenant, identifier, wallet, asked_by)
        return identifier

    async def approve_reset(self, tenant: int, reset: UUID, decided_by: str) -> str | None:
        """Approve a reset: a code, shown once, that sets a new PIN. None: not to be approved."""
        async with scoped(self._pool, tenant) as connection:
            return await pin_rows.approve_reset(connection, tenant, reset, decided_by)

    async def reset(self, tenant: Tenancy, wallet: UUID, code: str, pin: str, msisdn: str) -> None:
        """Set a new PIN by an approved reset's code. Raises PinRefusedError, PinInvalidError."""
        made = await self.made(tenant, wallet, pin, msisdn)
        async with scoped(self._pool, tenant.id) as connection:
            if not await pin_rows.by_code(connection, tenant.id, wallet, code, made):
                raise PinRefusedError

    async def _replace(self, tenant: Tenancy, wallet: UUID, pin: str, msisdn: str) -> None:
        made = await self.made(tenant, wallet, pin, msisdn)
        async with scoped(self._pool, tenant.id) as connection:
            await pin_rows.store(connection, tenant.id, wallet, made)

    async def made(self, tenant: Tenancy, wallet: UUID, pin: str, msisdn: str) -> Kept:
        """What is to be kept of a new PIN. Raises PinInvalidError."""
        if not is_pin(pin):
            raise PinInvalidError("pin_invalid")
        if is_weak(pin, msisdn):
            raise PinInvalidError("pin_weak")
        for before in await self._before(tenant.id, wallet):
            if hmac.compare_digest(before.mac, await self._mac(tenant, wallet, before, pin)):
                raise PinInvalidError("pin_used_before")
        return await self._kept(tenant, wallet, pin)

    async def _kept(self, tenant: Tenancy, wallet: UUID, pin: str) -> Kept:
        number = await self._keys.number(tenant.slug, Purpose.PIN)
        blank = Kept(salt=secrets.token_bytes(16), mac=b"", key_n=number)
        return replace(blank, mac=await self._mac(tenant, wallet, blank, pin))

    async def _mac(self, tenant: Tenancy, wallet: UUID, kept: Kept, pin: str) -> bytes:
        message = _framed(
            b"mmo-pin-v1", tenant.slug.encode(), wallet.bytes, kept.salt, pin.encode()
        )
        number = kept.key_n or None
        return (await self._keys.mac(tenant.slug, Purpose.PIN, [message], number))[0]

    async def _before(self, tenant: int, wallet: UUID) -> list[Kept]:
        """The PIN there is and the earlier ones."""
        async with scoped(self._pool, tenant) as connection:
            cursor = await connection.execute(
                """SELECT salt, mac, key_n, earlier FROM identity.pin
                    WHERE tenant_id = %s AND wallet_id = %s""",
                [tenant, wallet],
            )
            row = await cursor.fetchone()
        if row is None:
            return []
        return [Kept(salt=row[0], mac=row[1], key_n=row[2]), *map(_earlier, row[3])]

    async def _renew(self, tenant: Tenancy, wallet: UUID, kept: Kept, pin: str) -> None:
        """After a rotation of the key: what was just proved is kept under the new one."""
        if await self._keys.number(tenant.slug, Purpose.PIN) == kept.key_n:
            return
        made = await self._kept(tenant, wallet, pin)
        async with scoped(self._pool, tenant.id) as connection:
            await connection.execute(
                """UPDATE identity.pin SET salt = %s, mac = %s, key_n = %s
                    WHERE tenant_id = %s AND wallet_id = %s AND mac = %s""",
                [made.salt, made.mac, made.key_n, tenant.id, wallet, kept.mac],
            )

    async def _reserve(self, tenant: int, wallet: UUID, sources: Sequence[str]) -> Kept | None:
        """Count the attempt first; None where none is left, or there is no PIN."""
        async with scoped(self._pool, tenant) as connection:
            blocked = [await note(connection, tenant, one, wallet) for one in sorted(sources)]
            if any(blocked):
                return None
            asked = {"tenant": tenant, "wallet": wallet, "tries": TRIES}
            cursor = connection.cursor(row_factory=class_row(Kept))
            await cursor.execute(_RESERVE, asked)
            return await cursor.fetchone()

    async def _succeed(self, tenant: int, wallet: UUID, sources: Sequence[str]) -> None:
        async with scoped(self._pool, tenant) as connection:
            for source in sorted(sources):
                await clear(connection, tenant, source, wallet)
            await connection.execute(
                """UPDATE identity.pin SET failed = 0, stage = 0, locked_until = NULL
                    WHERE tenant_id = %s AND wallet_id = %s""",
                [tenant, wallet],
            )


_RESERVE: LiteralString = """
UPDATE identity.pin
   SET failed = CASE WHEN failed + 1 >= %(tries)s THEN 0 ELSE failed + 1 END,
       stage = stage + CASE WHEN failed + 1 >= %(tries)s THEN 1 ELSE 0 END,
       locked_until = CASE WHEN failed + 1 >= %(tries)s THEN
           CASE stage WHEN 0 THEN now() + interval '15 minutes'
                      WHEN 1 THEN now() + interval '24 hours' ELSE 'infinity' END END
 WHERE tenant_id = %(tenant)s AND wallet_id = %(wallet)s
   AND (locked_until IS NULL OR locked_until < now())
RETURNING salt, mac, key_n
"""


def _earlier(told: tuple[str, str, int]) -> Kept:
    salt, mac, number = told
    return Kept(salt=bytes.fromhex(salt), mac=bytes.fromhex(mac), key_n=number)


def _framed(*parts: bytes) -> bytes:
    """Each part with its length, so that no two lists of parts are one message."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
