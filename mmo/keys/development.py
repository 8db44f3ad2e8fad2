"""Development keys: files in the data directory, for pure unit tests.

One folder per tenant and one file per purpose, readable by their owner only. Nothing but
`MMO_ENV=dev` lets a process use them.
"""

import contextlib
import hmac
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws

from mmo.keys.jwk import public_jwk
from mmo.keys.ports import TYPES, DataKey, NoKeyError, Purpose, TrustedKey, issuer_of

NEVER = 2**40
ISSUER = "http://127.0.0.1:8090"
SECRETS = (Purpose.PIN, Purpose.MSISDN)


class DevelopmentKeys:
    """The KeyStore and the Trust of a unit test."""

    def __init__(self, directory: Path, issuer: str = ISSUER) -> None:
        self._directory = directory
        self._issuer = issuer
        self._private: dict[tuple[str, Purpose], str] = {}
        self._known: dict[Path, TrustedKey] = {}

    def make(self, tenant: str) -> None:
        """Make the keys that the tenant lacks. Safe to repeat, also by two processes at once."""
        folder = self._directory / tenant
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for purpose in TYPES:
            private = ec.generate_private_key(ec.SECP256R1())
            pem = private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            _keep(folder / f"{purpose}.pem", pem)
        for purpose in SECRETS:
            _keep(folder / f"{purpose}.secret", os.urandom(32))

    def trusted(self) -> Mapping[str, TrustedKey]:
        """Every tenant's public keys, by kid; the folder is looked into at each call."""
        for path in sorted(self._directory.glob("*/*.pem")):
            if path not in self._known:
                self._known[path] = self._public(path.parent.name, Purpose(path.stem))
        return {key.kid: key for key in self._known.values()}

    def on_change(self, call: Callable[[], None]) -> None:
        """Nothing changes here: what is there is never taken away."""

    async def sign(self, tenant: str, purpose: Purpose, claims: Mapping[str, Any]) -> str:
        """Sign claims as a compact ES256 token. Raises NoKeyError."""
        if (tenant, purpose) not in self._private:
            self._private[tenant, purpose] = self._read(tenant, f"{purpose}.pem").decode()
        kid = self._public(tenant, purpose).kid
        body = {"iss": issuer_of(self._issuer, tenant), "tenant": tenant, **claims}
        headers = {"typ": TYPES[purpose], "kid": kid}
        return jws.sign(body, self._private[tenant, purpose], headers=headers, algorithm="ES256")

    async def mac(
        self, tenant: str, purpose: Purpose, messages: Sequence[bytes], number: int | None = None
    ) -> list[bytes]:
        """HMAC-SHA-256 of each message. Raises NoKeyError."""
        if number not in (None, 1):
            raise NoKeyError(f"no {purpose} key {number} of {tenant}")
        secret = self._read(tenant, f"{purpose}.secret")
        return [hmac.digest(secret, message, "sha256") for message in messages]

    async def number(self, tenant: str, purpose: Purpose) -> int:
        """The number of the active key: these are never rotated."""
        assert tenant
        assert purpose
        return 1

    async def data_key(self, tenant: str, purpose: str, identifier: str | None = None) -> DataKey:
        """The data key that is named, else the newest, made where there is none."""
        folder = self._directory / tenant
        if not folder.is_dir():
            raise NoKeyError(f"no keys of {tenant} in {self._directory}")
        found = sorted(folder.glob(f"{purpose}.*.data"))
        if identifier is None and not found:
            _keep(folder / f"{purpose}.{uuid.uuid4()}.data", os.urandom(32))
            found = sorted(folder.glob(f"{purpose}.*.data"))
        name = found[0].name if identifier is None else f"{purpose}.{identifier}.data"
        return DataKey(name.split(".")[1], self._read(tenant, name))

    def _read(self, tenant: str, name: str) -> bytes:
        path = self._directory / tenant / name
        if not path.exists():
            raise NoKeyError(f"no {Path(name).stem} key of {tenant} in {self._directory}")
        return path.read_bytes()

    def _public(self, tenant: str, purpose: Purpose) -> TrustedKey:
        private = serialization.load_pem_private_key(self._read(tenant, f"{purpose}.pem"), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        numbers = private.public_key().public_numbers()
        jwk = public_jwk(numbers.x, numbers.y)
        issuer = issuer_of(self._issuer, tenant)
        return TrustedKey(jwk["kid"], tenant, issuer, purpose, jwk, NEVER)


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is not there yet; whoever came first wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
