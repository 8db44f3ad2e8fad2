"""The KeyStore whose keys lie in a PKCS#11 token, their register in Postgres."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from jose import jws
from jose.backends.base import Key
from jose.exceptions import JWSError
from psycopg_pool import AsyncConnectionPool

from mmo.keys.administration import KeyAdministration
from mmo.keys.module import Pkcs11Module
from mmo.keys.ports import TYPES, DataKey, KeysAwayError, NoKeyError, Purpose, issuer_of
from mmo.keys.postgres import KeyRow, PostgresTrust, Register
from mmo.keys.token import Token
from mmo.tenancy.scope import scoped

MESSAGES_MAX = 64
"""Messages that one call may authenticate."""
KEY_BYTES = 32


class Pkcs11KeyStore:
    """Signs, authenticates and unwraps inside the token."""

    def __init__(
        self,
        module: Pkcs11Module,
        trust: PostgresTrust,
        pool: AsyncConnectionPool[Any],
        issuer: str,
    ) -> None:
        self.module = module
        self._pool = pool
        self._issuer = issuer
        self.trust = trust
        self.administration = KeyAdministration(module, trust, pool)

    async def make(self, tenant_id: int, tenant: str) -> None:
        """Make the keys that the tenant never had. Safe to repeat, also by two processes."""
        await self.administration.make(tenant_id, tenant)

    async def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """Sign claims as a compact ES256 token with the active key."""
        row = await self._row(lambda register: register.key(tenant, purpose))
        body = {"iss": issuer_of(self._issuer, tenant), "tenant": tenant, **claims}
        headers = {"typ": TYPES[purpose], "kid": row.kid}

        def work(token: Token) -> str:
            key = _SigningKey(token, row.pkcs11_id)
            try:
                return jws.sign(body, key, headers=headers, algorithm="ES256")  # pyright: ignore[reportArgumentType]
            except JWSError as error:
                # python-jose wraps whatever the key raised; the module tells errors apart.
                raise next(
                    (arg for arg in error.args if isinstance(arg, Exception)), error
                ) from None

        return await self.module.run(work)

    async def mac(
        self, tenant: str, purpose: Purpose, messages: Sequence[bytes], number: int | None = None
    ) -> list[bytes]:
        """HMAC-SHA-256 of each message, 64 at most."""
        if len(messages) > MESSAGES_MAX:
            raise ValueError(f"at most {MESSAGES_MAX} messages at once")
        row = await self._row(lambda register: register.key(tenant, purpose, number))
        return await self.module.run(lambda token: [token.mac(row.pkcs11_id, m) for m in messages])

    async def number(self, tenant: str, purpose: Purpose) -> int:
        """The number of the active key."""
        return (await self._row(lambda register: register.key(tenant, purpose))).n

    async def data_key(self, tenant: str, purpose: str, identifier: str | None = None) -> DataKey:
        """Unwrap the data key that is named, else the newest, made where there is none."""
        kek = await self._row(lambda register: register.key(tenant, Purpose.KEK))
        found = await self._wrapped(kek.tenant_id, purpose, identifier)
        if found is None and identifier is None:
            await self._make_data_key(kek, purpose)
            found = await self._wrapped(kek.tenant_id, purpose, None)
        if found is None:
            raise NoKeyError(f"{tenant} has no data key {identifier or purpose}")
        name, kek_id, wrapped = found
        owner = await self._row(lambda register: register.rows.get(kek_id))
        material = await self.module.run(lambda token: token.unwrap(owner.pkcs11_id, wrapped))
        return DataKey(str(name), material)

    async def health(self) -> None:
        """Sign with the key of the self-test. Raises KeysAwayError."""
        if not await self.module.run(lambda token: token.alive()):
            raise KeysAwayError("the token does not sign")

    async def _wrapped(
        self, tenant: int, purpose: str, identifier: str | None
    ) -> tuple[UUID, UUID, bytes] | None:
        async with scoped(self._pool, tenant) as connection:
            cursor = await connection.execute(
                """SELECT id, kek_id, wrapped FROM keys.data_key
                    WHERE tenant_id = %(tenant)s AND purpose = %(purpose)s AND state = 'active'
                      AND (%(id)s::uuid IS NULL OR id = %(id)s)
                    ORDER BY created_at DESC, id LIMIT 1""",
                {"tenant": tenant, "purpose": purpose, "id": identifier},
            )
            return await cursor.fetchone()

    async def _make_data_key(self, kek: KeyRow, purpose: str) -> None:
        """Make the first data key of a purpose; of two at once, one is made."""
        material = os.urandom(KEY_BYTES)
        wrapped = await self.module.run(
            lambda token: token.wrap(kek.pkcs11_id, material), repeats=0
        )
        async with scoped(self._pool, kek.tenant_id) as connection:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(7304, hashtext(%s))", [f"{kek.tenant_id}/{purpose}"]
            )
            await connection.execute(
                """INSERT INTO keys.data_key (tenant_id, id, purpose, kek_id, wrapped)
                   SELECT %(tenant)s, %(id)s, %(purpose)s, %(kek)s, %(wrapped)s
                    WHERE NOT EXISTS (SELECT FROM keys.data_key WHERE tenant_id = %(tenant)s
                                         AND purpose = %(purpose)s AND state = 'active')""",
                {"tenant": kek.tenant_id, "id": uuid4(), "purpose": purpose, "kek": kek.id,
                 "wrapped": wrapped},
            )  # fmt: skip

    async def _row(self, find: Callable[[Register], KeyRow | None]) -> KeyRow:
        """Find a key in what is known; where it is not, look into the database once."""
        for known in (True, False):
            if not known:
                async with self._pool.connection() as connection:
                    await self.trust.read(connection)
            try:
                found = find(self.trust.register)
            except NoKeyError:
                if not known:
                    raise
            else:
                if found is not None:
                    return found
        raise NoKeyError("the key was destroyed")


class _SigningKey(Key):
    """What python-jose signs with; the private half stays where it is."""

    def __init__(self, token: Token, identifier: bytes) -> None:
        self._token = token
        self._identifier = identifier

    def sign(self, msg: bytes) -> bytes:
        return self._token.digest_signed(self._identifier, hashlib.sha256(msg).digest())
